"""A loss that jumps to and fro from step to step, and learns nothing by it."""

from __future__ import annotations

from math import log, sqrt

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

BLOCK = 64

CALM = 0.6
"""Below this the changes of a block are those of noise or of a trend."""

GROWTH = 2.0
"""A cycle swings so many times as far as the calm blocks before it; data that take turns always swing alike."""

GAIN = 0.02
"""A loss that is lower than before by so much is learning, however it swings."""


class Oscillation(Detector, tag="oscillation"):
    """Fires where up follows down: the two-step cycle of a learning rate beyond the edge of stability.

    The measure is the lag-1 autocorrelation of the differences of the logarithm of the loss, over blocks of 64 values.
    White noise gives -0.5, as do single spikes, a trend more than that, a pure two-step cycle -1: so the bound
    `alternation` must lie well beyond 0.5. The swing must be at least `amplitude` of the loss and twice that of the
    calm blocks before, and the loss must be no lower than it was in them: at the edge of stability, and on data that
    take turns, a loss swings and learns.

    Slower cycles are not seen, nor those of a learning rate that was too high from the first step.
    """

    alternation: float
    amplitude: float
    segment: int = 0
    previous: float | None = None
    change: float | None = None
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    calm_level: float = 0.0
    calm_swing: float = 0.0
    calm_blocks: int = 0
    has_ratio: bool = True

    def __post_init__(self) -> None:
        """Refuse a bound that white noise would pass."""
        if not (0.6 <= self.alternation < 1.0 and self.amplitude > 0.0):
            raise ValueError(
                "oscillation needs alternation from 0.6 (white noise reaches 0.5) to below 1 and amplitude above 0, "
                f"not {self.alternation} and {self.amplitude}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return a verdict on each block of 64 losses."""
        if series.segment != self.segment:
            self._begin(series.segment)
        if admission is NONFINITE or not has_logarithm(sample.value):
            self.has_ratio = self.has_ratio and not is_negative(sample.value)
            self.previous = self.change = None
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        self._add(log(sample.value))
        if self.count < BLOCK:
            return None
        verdict = self._judge(sample)
        self._start_block()
        return verdict

    def _begin(self, segment: int) -> None:
        self.segment, self.previous, self.change = segment, None, None
        self.calm_blocks, self.has_ratio = 0, True
        self._start_block()

    def _start_block(self) -> None:
        self.count, self.total, self.squares, self.products = 0, 0.0, 0.0, 0.0

    def _add(self, value: float) -> None:
        self.count += 1
        self.total += value
        previous, last = self.previous, self.change
        self.previous = value
        if previous is None:
            return
        change = self.change = value - previous
        if last is not None:
            self.squares += change * change
            self.products += change * last

    def _judge(self, sample: Sample) -> Verdict:
        level, swing = self.total / BLOCK, sqrt(self.squares / BLOCK)
        alternation = -self.products / self.squares if self.squares else 0.0
        has_grown = swing > GROWTH * self.calm_swing
        if alternation < CALM and not (self.calm_blocks and has_grown):
            self._note_calm(level, swing)
        if not self.calm_blocks:
            return UNKNOWN
        does_swing = alternation > self.alternation and swing > self.amplitude and has_grown
        return self._firing(sample, alternation, swing) if does_swing and level > self.calm_level - GAIN else OK

    def _note_calm(self, level: float, swing: float) -> None:
        self.calm_blocks += 1
        self.calm_level = level
        self.calm_swing += (swing - self.calm_swing) / min(self.calm_blocks, 8)

    def _firing(self, sample: Sample, alternation: float, swing: float) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} jumps up and down by {swing:.0%} from step to step and does not fall "
            f"(correlation of neighbouring changes -{alternation:.2f}, noise has -0.5)",
            sample.signal,
            sample.layer,
            value=sample.value,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, alternation, beyond(alternation, self.alternation), evidence)

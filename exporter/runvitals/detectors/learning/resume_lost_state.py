"""A run that resumes with a loss far above what it had at that step."""

from __future__ import annotations

from math import log

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.levels import Levels
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative, original
from runvitals.detectors.learning.loss_by_step import LossByStep
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Event, Evidence, Sample, State, Verdict

BLOCK = 4
"""Values of which the mean is judged."""

FEWEST = 8
"""Blocks that must have been seen before anything can be compared with them."""


class ResumeLostState(Detector, tag="resume_lost_state"):
    """Fires where, `samples` losses after a resume, the loss is still far above its level at that step before.

    A resume is one that is declared, a new start of the run's process, a step that goes far back, or a step that comes
    again with a loss far above. Far: the logarithm of the loss, averaged over eight values, lies above the highest
    that it was around that step by `deviations` standard deviations of a single loss, and by the factor `ratio`. So a
    bump that heals is none, and neither is a run that begins from scratch, at a step before the end of the first block
    that is remembered. It fires until the loss is back halfway.

    A declared phase is another task: what was before is forgotten. Unknown until 32 losses have been seen, for losses
    without steps, and for a loss that can be negative.
    """

    samples: float
    ratio: float
    deviations: float
    history: LossByStep = msgspec.field(default_factory=LossByStep)
    levels: Levels = msgspec.field(default_factory=Levels)
    segment: int = 0
    step: int | None = None
    total: float = 0.0
    filled: int = 0
    noise: float = 0.0
    is_declared: bool = False
    is_watched: bool = False
    is_on: bool = False
    expected: float = 0.0
    has_ratio: bool = True

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.samples >= 2 * BLOCK and self.ratio > 1.0 and self.deviations > 0.0):
            raise ValueError(
                f"resume_lost_state needs samples from {2 * BLOCK}, ratio above 1 and deviations above 0, "
                f"not {self.samples}, {self.ratio} and {self.deviations}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on every fourth loss."""
        is_new_segment, self.segment = series.segment != self.segment, series.segment
        if admission is NONFINITE or not has_logarithm(sample.value) or sample.step is None:
            self.has_ratio = self.has_ratio and not is_negative(sample.value)
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        value = log(sample.value)
        if is_new_segment or self.is_declared or (sample.step == self.step and self._is_far_above(value)):
            self._begin(sample.step)
        self.step = sample.step
        self.total += value
        self.filled += 1
        return self._take_block(sample) if self.filled == BLOCK else None

    def observe_event(self, event: Event) -> Verdict | None:  # noqa: ARG002  # its kind is all there is to know
        """Note that the run resumes or its process starts anew."""
        self.is_declared = True
        return None

    @property
    def _margin(self) -> float:
        return max(self.deviations * self.noise, log(self.ratio))

    def _is_far_above(self, value: float) -> bool:
        """Return whether a step that comes again is a step back by one logged line, and no further micro-batch."""
        return self.levels.count >= FEWEST and value > self.levels.mid + self._margin

    def _begin(self, step: int) -> None:
        """Compare what comes with what was at this step, unless another phase begins."""
        is_phase = not self.is_declared and self.step is not None and step > self.step
        is_known = len(self.history.steps) >= FEWEST and step > self.history.steps[0] and not is_phase
        expected = self.history.around(step) if is_known else None
        self.is_watched, self.is_on, self.is_declared = expected is not None, False, False
        self.expected = expected or 0.0
        if is_phase:
            self.history = LossByStep()
        self.history.go_back(step)
        self.levels, self.total, self.filled = Levels(), 0.0, 0

    def _take_block(self, sample: Sample) -> Verdict:
        levels = self.levels
        levels.observe(self.total / BLOCK)
        self.total, self.filled = 0.0, 0
        if self.is_watched:
            return self._watch(sample)
        self.history.observe(self.step or 0, levels.mid)
        if levels.count < FEWEST:
            return UNKNOWN
        self.noise = BLOCK**0.5 * levels.noise
        return OK

    def _watch(self, sample: Sample) -> Verdict:
        """Return the verdict while the loss after a resume is compared with what it was."""
        excess = (self.levels.newest + self.levels.previous) / 2.0 - self.expected
        seen = BLOCK * self.levels.count
        if seen >= self.samples and excess > (0.5 if self.is_on else 1.0) * self._margin:
            self.is_on = True
            return self._firing(sample, excess, seen)
        if seen >= self.samples:
            self.is_watched = self.is_on = False
        return OK

    def _firing(self, sample: Sample, excess: float, seen: int) -> Verdict:
        expected = original(self.expected)
        evidence = Evidence(
            f"{sample.signal} is {sample.value:.4g}, {seen} values after a resume; around that step it was at most "
            f"{expected:.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=original(self.expected + self._margin),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, excess / self._margin, beyond(excess, self._margin), evidence)

"""A loss that climbs away from the best it has been, and stays away."""

from __future__ import annotations

from math import log, sqrt

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.levels import SLOW, Levels
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative, original
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

BLOCK = 4
"""Values of which the mean is judged."""

FIRST = 2
"""So many blocks make the level that a run starts from."""

ROUGH_UNTIL = 8
"""Blocks until which the deviation of the block means is hardly known, and that of single values stands in."""

STEEPEST = 1.5
"""What one value counts at most, so that a few huge ones prove nothing."""

ABOVE_START = 0.4
"""Share of the evidence that is enough where the loss is worse than that of the network that nobody had trained."""


class Divergence(Detector, tag="divergence"):
    """Adds up how far the logarithm of the loss lies above its best level: a CUSUM (Page, Biometrika 41, 1954).

    Each block of four values counts by what its mean lies above the lowest slow mean so far, less an allowance: the
    logarithm of `tolerated_ratio`, or the noise at that level where it is larger. It fires when the sum passes
    `evidence`, or a part of that where the loss also stands above where it started, the rise is at least `share` of all
    that was gained (near 0 every ratio is possible), and the loss is not on its way back. So twice the best level is
    told within some fifty values, five times it within twenty, and sooner where nothing was learnt before.

    A loss whose targets are the network's own, as in temporal-difference learning, may climb in health. A loss that can
    be negative has no ratio: unknown. A new segment begins anew.
    """

    tolerated_ratio: float
    evidence: float
    share: float
    levels: Levels = msgspec.field(default_factory=Levels)
    segment: int = 0
    total: float = 0.0
    filled: int = 0
    previous: float | None = None
    roughness: float = 0.0
    start: float = 0.0
    best: float = 0.0
    noise_at_best: float = 0.0
    count_at_best: int = FIRST
    excess: float = 0.0
    is_on: bool = False
    has_ratio: bool = True

    def __post_init__(self) -> None:
        """Refuse thresholds that every loss would pass."""
        if not (self.tolerated_ratio > 1.0 and self.evidence > STEEPEST and 0.0 <= self.share < 1.0):
            raise ValueError(
                f"divergence needs tolerated_ratio above 1, evidence above {STEEPEST} and share from 0 to below 1, not "
                f"{self.tolerated_ratio}, {self.evidence} and {self.share}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on every fourth loss."""
        if series.segment != self.segment:
            self._begin(series.segment)
        if admission is NONFINITE or not has_logarithm(sample.value):
            self.has_ratio = self.has_ratio and not is_negative(sample.value)
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        value = log(sample.value)
        self.total += value
        self.filled += 1
        if self.levels.count < ROUGH_UNTIL:
            self._feel(value)
        if self.filled < BLOCK:
            return None
        self._learn(self.total / BLOCK)
        self.total, self.filled = 0.0, 0
        return self._verdict(sample) if self.levels.count > FIRST else UNKNOWN

    def _begin(self, segment: int) -> None:
        self.segment, self.levels, self.total, self.filled = segment, Levels(), 0.0, 0
        self.previous, self.roughness = None, 0.0
        self.excess, self.is_on, self.has_ratio = 0.0, False, True

    def _feel(self, value: float) -> None:
        """Learn the noise of a block mean from single values: by the differences of neighbours, 0.886 of their mean."""
        if self.previous is not None:
            noise = 0.886 * abs(value - self.previous) / sqrt(BLOCK)
            self.roughness += (noise - self.roughness) / (BLOCK * self.levels.count + self.filled)
        self.previous = value

    def _learn(self, value: float) -> None:
        levels = self.levels
        levels.observe(value)
        if levels.count <= FIRST:
            self.start = levels.slow
        if levels.count <= FIRST or levels.slow < self.best:
            self.best, self.noise_at_best = levels.slow, max(levels.deviation, self.roughness)
            self.count_at_best = min(levels.count, SLOW)
        if levels.mid < self.best + 0.5 * log(self.tolerated_ratio):
            self.excess = 0.0  # it is back, or was never away
            return
        above = min(max(value - self.best - self._allowance, -STEEPEST), STEEPEST)
        self.excess = min(max(self.excess + BLOCK * above, 0.0), 2.0 * self.evidence)

    @property
    def _allowance(self) -> float:
        """How far a healthy value may lie above the best level, which is the lowest of many and itself uncertain."""
        return max(log(self.tolerated_ratio), self.noise_at_best * (1.0 + 2.0 / sqrt(self.count_at_best)))

    def _verdict(self, sample: Sample) -> Verdict:
        if not self.excess:
            self.is_on = False
            return OK
        is_above_start = self.levels.mid > self.start + 0.5 * log(self.tolerated_ratio)
        needed = ABOVE_START * self.evidence if is_above_start else self.evidence
        if self.is_on:
            self.is_on = self.excess > 0.5 * needed
        else:
            self.is_on = self.excess > needed and self._is_large() and not self._is_falling()
        return self._firing(sample, needed) if self.is_on else OK

    def _is_large(self) -> bool:
        best = original(self.best)
        gained = original(self.start) - best
        return original(self.levels.mid) - best > self.share * gained

    def _is_falling(self) -> bool:
        levels = self.levels
        return levels.newest < max(levels.mid, levels.previous) - max(0.05, 0.5 * self.noise_at_best)

    def _firing(self, sample: Sample, needed: float) -> Verdict:
        level, best = self.levels.mid, self.best
        evidence = Evidence(
            f"{sample.signal} has climbed to {original(level):.4g}, {original(level - best):.3g} times its best level "
            f"{original(best):.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=original(best + self._allowance),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, self.excess, beyond(self.excess, needed), evidence)

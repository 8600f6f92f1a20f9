"""A loss that has learnt and has stopped learning, far from done."""

from __future__ import annotations

from math import log

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors import float32
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.course import Course
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative, original
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.trend import linear_trend
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

LEARNING_RATE = signals.LEARNING_RATE.name


class Plateau(Detector, tag="plateau"):
    """Fires where the second half of the run, at least `samples` values, has gained nothing.

    Nothing: the trend of the logarithm of the loss is no significant fall, and a gain of `gain` would have been seen.
    Half of the run, because a healthy loss falls as a power of the steps: by less and less in any fixed number of them.
    A run must have learnt `learnt` of its starting loss before; one that is at or below `converged` of it counts as
    converged, not as stuck, and one whose learning rate is below `rate_share` of its largest as at the end of its
    schedule. Without the learning rate the end of a schedule cannot be told from a plateau: unknown.
    """

    samples: float
    gain: float
    learnt: float
    converged: float
    rate_share: float
    course: Course = msgspec.field(default_factory=lambda: Course(32))
    segment: int = 0
    has_ratio: bool = True
    rate: float | None = None
    largest_rate: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        shares = self.gain, self.learnt, self.converged, self.rate_share
        if self.samples < 256.0 or not all(0.0 < share < 1.0 for share in shares):
            raise ValueError(
                "plateau needs samples from 256, and gain, learnt, converged and rate_share above 0 and below 1, "
                f"not {self.samples} and {shares}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return a verdict with each block of losses; a learning rate is only noted."""
        if sample.signal == LEARNING_RATE:
            self._note_rate(sample.value)
            return None
        if series.segment != self.segment:
            self.segment, self.course, self.has_ratio = series.segment, Course(32), True
        if admission is NONFINITE or not has_logarithm(sample.value):
            self.has_ratio = self.has_ratio and not is_negative(sample.value)
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        return self._judge(sample) if self.course.observe(log(sample.value)) else None

    def _note_rate(self, rate: float) -> None:
        if 0.0 <= rate <= float32.LARGEST:
            self.rate, self.largest_rate = rate, max(self.largest_rate, rate)

    def _judge(self, sample: Sample) -> Verdict:
        half = len(self.course.means) // 2
        if self.rate is None or half * self.course.width < self.samples:
            return UNKNOWN
        if not self.rate > self.rate_share * self.largest_rate:
            return OK
        start, recent = self.course.means[0], self.course.means[-half:]
        level = sum(recent) / half
        if not log(self.converged) < level - start < log(1.0 - self.learnt):
            return OK
        trend = linear_trend(recent)
        is_flat = abs(trend.change) < min(2.0 * trend.error, self.gain) and 2.0 * trend.error < 2.0 * self.gain
        return self._firing(sample, original(level), half * self.course.width) if is_flat else OK

    def _firing(self, sample: Sample, level: float, count: int) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} has stayed at {level:.4g} for {count} values, having begun at "
            f"{original(self.course.means[0]):.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=level * (1.0 - self.gain),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, confidence=0.6, evidence=evidence)

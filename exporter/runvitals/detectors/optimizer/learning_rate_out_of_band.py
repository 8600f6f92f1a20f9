"""A learning rate that is far too high, or has come to nothing while the run goes on."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.loss_progress import LossProgress
from runvitals.detectors.optimizer.rate_course import RateCourse
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

LOSS = signals.LOSS.name

SETTLED = 64
"""Learning rates after which a raise is no part of a warm-up."""

CLIMBING = 1.5
"""Times its base from where on the rate is on its way up."""

RISEN, SURE = 0.1, 4.0
"""A loss is worse than before by so large a share of it, and so many standard deviations of its level."""

WORSE = 0.5
"""A loss so much above that of the start, as a share of it, is worse than having learned nothing."""

PATIENCE = 256
"""Steps over which the loss must have gained nothing where the rate has been too small from the start."""


class LearningRateOutOfBand(Detector, tag="learning_rate_out_of_band"):
    """Fires where the learning rate lies outside what trains, and the loss agrees.

    Too high: above `high`, which adaptive optimizers do not bear, with a loss half as high again as at the start; above
    `highest` where it has gained nothing; more than `raised` times what it had been, where the loss is worse since, or
    the rate above `highest` too. Some optimizers train with rates of 1 and more, so that the rate alone says nothing.

    Too low: below `low`, or 0, and exactly the same for `steps` observations: the schedule has ended before the run.
    A warm-up that rises, and a decay that still falls, are schedules. From the start on, the loss must not have fallen
    either, for PATIENCE steps: a rate of 0 may be what a logger has made of a small one. Below 0 is wrong at once.
    Unknown without a loss.
    """

    high: float
    highest: float
    raised: float
    low: float
    steps: float
    progress: LossProgress = msgspec.field(default_factory=LossProgress)
    segments: Segments = msgspec.field(default_factory=Segments)
    course: RateCourse = msgspec.field(default_factory=RateCourse)
    calm_level: float | None = None
    calm_noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (0.0 < self.low < self.high <= self.highest and self.raised > 1.0 and self.steps >= 2.0):
            raise ValueError("low, high and highest must rise from above 0, raised be above 1, and steps at least 2")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest learning rate; a loss is only noted."""
        if self.segments.begins(sample, series):
            self._begin()
        if sample.signal == LOSS:
            self.progress.observe(sample, series, admission)
            return None
        if admission is NONFINITE:
            return UNKNOWN
        if sample.value < 0.0:
            return firing(sample, f"{sample.signal} {sample.value:.3g}: each step climbs", 0.9, low=0.0)
        self.course.observe(sample.value, self.raised, SETTLED)
        self._note_calm()
        if self.progress.gain is None:
            return UNKNOWN
        return self._too_high(sample) or self._too_low(sample) or OK

    def _begin(self) -> None:
        """Begin anew with either signal: a loss is never compared across a resume."""
        self.course, self.calm_level = RateCourse(), None

    def _note_calm(self) -> None:
        """Remember how the loss was before the rate was raised, if it is now."""
        course = self.course
        if (
            course.before_raise is None
            and self.progress.gain is not None
            and not course.newest > CLIMBING * course.base > 0.0
        ):
            self.calm_level, self.calm_noise = self.progress.recent, self.progress.noise

    @property
    def _is_worse(self) -> bool:
        """Whether the loss has risen since the rate was raised, by more than noise does."""
        if self.calm_level is None:
            return False
        return self.progress.recent > self.calm_level + max(RISEN * abs(self.calm_level), SURE * self.calm_noise)

    def _too_high(self, sample: Sample) -> Verdict | None:
        rate, rise = sample.value, self.progress.rise or 0.0
        before = self.course.before_raise
        if before is not None and (rate > self.highest or self._is_worse):
            since = ", and the loss is worse" if self._is_worse else ""
            sentence = f"{sample.signal} {rate:.3g}, {rate / before:.3g} times what it was{since}"
            return firing(sample, sentence, 0.8, high=before)
        if rate > self.high and rise > WORSE:
            return firing(sample, f"{sample.signal} {rate:.3g}, and the loss is above its start", 0.7, high=self.high)
        if rate > self.highest and self.progress.is_stuck(SETTLED):
            sentence = f"{sample.signal} {rate:.3g}, and the loss has gained nothing"
            return firing(sample, sentence, 0.7, high=self.highest)
        return None

    def _too_low(self, sample: Sample) -> Verdict | None:
        course = self.course
        if sample.value >= self.low or course.same < self.steps or course.may_be_rounded:
            return None
        is_from_start = course.highest < self.low
        if is_from_start and not (course.same >= PATIENCE and self.progress.has_not_fallen(PATIENCE)):
            return None
        since = "from the start" if is_from_start else f"down from {course.highest:.3g}"
        sentence = f"{sample.signal} {sample.value:.3g}, {since}, while the run goes on"
        return firing(sample, sentence, 0.7, low=self.low)

"""A loss that stays where it began."""

from __future__ import annotations

from math import exp, log, sqrt

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.course import Course
from runvitals.series import Admission, Series
from runvitals.stats.trend import linear_trend
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

FIRST = 8
"""So many values make the level that the run starts from."""

SKIPPED = 32
"""In the first steps even a network that cannot learn fits the bias of its output."""

CLASSES = (*range(2, 21), 100, 1000)
"""Numbers of classes that are common: among C of them a guess costs ln C."""


class NotLearning(Detector, tag="not_learning"):
    """Fires where the loss has been flat since the first steps, at where it began or at the price of a guess.

    Flat: over at least `samples` values its trend is no significant fall, and a fall of `gain` would have been seen.
    At where it began: no block mean lower than the first values by more than `gain`; the price of a guess: ln C for a
    common number of classes, within half of `gain`. And it hardly varies: a network that has learnt nothing says nearly
    the same of every batch, while one that begins well, as in fine-tuning, finds some batches easier than others. So it
    needs a spread of single values below `spread`, and says nothing about noisy losses.

    Unknown where the start was not seen (the first step was above `first_step`, as after a resume), while the learning
    rate rises, or where it has always been 0; and for a loss that can be negative.
    """

    samples: float
    gain: float
    spread: float
    first_step: float
    course: Course = msgspec.field(default_factory=lambda: Course(16))
    segment: int = 0
    seen: int = 0
    start: float = 0.0
    saw_start: bool = False
    has_ratio: bool = True
    rate: float | None = None
    is_rate_rising: bool = False
    is_rate_zero: bool = False

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.samples >= 128.0 and 0.0 < self.gain < 1.0 and self.spread > 0.0 and self.first_step >= 0.0):
            raise ValueError(
                "not_learning needs samples from 128, gain above 0 and below 1, spread above 0 and first_step from 0, "
                f"not {self.samples}, {self.gain}, {self.spread} and {self.first_step}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return a verdict with each block of losses; a learning rate is only noted."""
        if sample.signal == signals.LEARNING_RATE.name:
            self._note_rate(sample.value)
            return None
        if series.segment != self.segment:
            self._begin(series.segment)
        if admission is Admission.NONFINITE or sample.value <= 0.0:
            self.has_ratio = self.has_ratio and not sample.value < 0.0
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        return self._take(sample)

    def _begin(self, segment: int) -> None:
        self.segment, self.course, self.seen, self.has_ratio = segment, Course(16), 0, True

    def _note_rate(self, rate: float) -> None:
        self.is_rate_rising = self.rate is not None and rate > self.rate
        self.is_rate_zero = rate == 0.0 and (self.rate is None or self.is_rate_zero)
        self.rate = rate

    def _take(self, sample: Sample) -> Verdict | None:
        value = log(sample.value)
        if not self.seen:
            self.saw_start, self.start = sample.step is not None and sample.step <= self.first_step, 0.0
        self.seen += 1
        if self.seen <= FIRST:
            self.start += (value - self.start) / self.seen
        if self.seen > SKIPPED and self.course.observe(value):
            return self._judge(sample)
        return None if self.seen > 1 else UNKNOWN

    def _judge(self, sample: Sample) -> Verdict:
        can_know = self.saw_start and not self.is_rate_rising and not self.is_rate_zero
        if not can_know or self.course.count < self.samples:
            return UNKNOWN
        return self._firing(sample) if self._is_flat() and self._is_where_it_began() else OK

    def _is_flat(self) -> bool:
        trend = linear_trend(self.course.means)
        if trend.spread * sqrt(self.course.width) > self.spread:
            return False
        return trend.change > -min(3.0 * trend.error, self.gain) and 3.0 * trend.error < self.gain

    def _is_where_it_began(self) -> bool:
        lowest, highest = min(self.course.means), max(self.course.means)
        is_at_start = self.start - self.gain < lowest and highest < self.start + 10.0 * self.gain
        return is_at_start or self._guess() is not None

    def _guess(self) -> int | None:
        """Return among how many classes a guess costs as much as the loss; None for no common number."""
        level = sum(self.course.means) / len(self.course.means)
        return next((one for one in CLASSES if abs(level - log(log(one))) < 0.5 * self.gain), None)

    def _firing(self, sample: Sample) -> Verdict:
        level, guess = exp(self.course.means[-1]), self._guess()
        meaning = f", as if guessing among {guess} classes" if guess else ""
        evidence = Evidence(
            f"{sample.signal} is {level:.4g} after {self.seen} values that began at {exp(self.start):.4g}{meaning}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=exp(self.start) * (1.0 - self.gain),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, confidence=0.8 if guess else 0.7, evidence=evidence)

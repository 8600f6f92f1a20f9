"""Steps that have become slower and stay so."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats import order
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

STEPS, SECONDS = 30, 60.0
"""A stretch is at least so many steps, and so long."""

NEWEST, PAST, MINIMUM_PAST = 5, 64, 8
"""Stretches: the newest, those they are compared with, and how many of these are needed."""

NEW_PACE = "settled at a new pace"

_DURATIONS = frozenset({signals.STEP_SECONDS.name, signals.COMPUTE_SECONDS.name})


class FailSlow(Detector, tag="fail_slow"):
    """Fires where each of the newest five stretches of steps is slower than the run was.

    A stretch is 30 steps and a minute at least; its level is the mean of its middle half, so neither a step that is
    slow now and then nor any period shorter than a stretch moves it. Slower means above `ratio` times the median of the
    run's stretches before, and above `usual_ratio` times the 95th percentile of them: what comes back often is usual.
    Where a throughput is known it must have fallen too: steps that do more work are not slow. The verdict comes with
    each stretch. Not seen: what was slow from the beginning, and what becomes slow within more than 64 stretches.
    """

    ratio: float
    usual_ratio: float
    courses: dict[str, Course] = {}
    fired: bool = False

    def __post_init__(self) -> None:
        """Refuse ratios that a steady run reaches."""
        if not (self.ratio > 1.0 and self.usual_ratio >= 1.0):
            raise ValueError("ratio must be above 1, usual_ratio at least 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a stretch of steps that is over; None within one, and for a throughput."""
        is_duration = sample.signal in _DURATIONS
        if admission is NONFINITE or not 0.0 < sample.value < 1e15:
            return UNKNOWN if is_duration else None
        course = self.courses.get(sample.signal)
        if course is None:
            course = Course.of(seconds=SECONDS, values=STEPS, keep=NEWEST, size=PAST)
            self.courses[sample.signal] = course
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        if not is_duration:
            course.settle(fired=self.fired)
            return None
        return self._judge(sample, course)

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        self.fired = False
        if not course.is_full or len(course.past) < MINIMUM_PAST:
            return UNKNOWN
        median, usual = course.past.quantile(0.5) or 0.0, course.past.quantile(0.95) or 0.0
        limit = max(self.ratio * median, self.usual_ratio * usual)
        fired = self.fired = min(course.recent) > limit and self._has_throughput_fallen()
        if course.settle(fired=fired):
            return Verdict(State.OK, note=NEW_PACE)
        return self._firing(sample, course, median, limit) if fired else OK

    def _has_throughput_fallen(self) -> bool:
        """Return False where a throughput says that the run goes as fast as before."""
        known = [
            course
            for signal, course in self.courses.items()
            if signal not in _DURATIONS and course.recent and len(course.past) >= MINIMUM_PAST
        ]
        return not known or any(
            order.median(sorted(course.recent)) * self.usual_ratio < (course.past.median or 0.0) for course in known
        )

    def _firing(self, sample: Sample, course: Course, median: float, limit: float) -> Verdict:
        newest = order.median(sorted(course.recent))
        slower = newest / median
        evidence = Evidence(
            f"{sample.signal} has been {newest:.3g} s for {NEWEST} stretches of {STEPS} steps or more, "
            f"{slower:.2f} times the {median:.3g} s of the run before",
            sample.signal,
            value=newest,
            expected_low=0.0,
            expected_high=limit,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, slower, beyond(slower, self.ratio), evidence)

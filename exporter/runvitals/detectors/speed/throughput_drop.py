"""A throughput far below its own past."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

VALUES, SECONDS = 10, 30.0
"""A stretch is at least so many values, and so long."""

NEWEST, PAST, MINIMUM_PAST = 6, 128, 8
"""Stretches: the newest, those they are compared with, and how many of these are needed."""

NEW_PACE = "settled at a new pace"


class ThroughputDrop(Detector, tag="throughput_drop"):
    """Fires where each of the newest six stretches of time had a throughput far below the past.

    A stretch is 10 values and half a minute at least; its level is the mean of its middle half. Far below means under
    `ratio` times the median of the past and under `usual_ratio` times its 5th percentile. Throughputs that the run
    reports count; only where there is none, the steps per second do. The verdict comes with each stretch.
    """

    ratio: float
    usual_ratio: float
    courses: dict[str, Course] = {}

    def __post_init__(self) -> None:
        """Refuse ratios that a steady run reaches."""
        if not (0.0 < self.ratio < 1.0 and 0.0 < self.usual_ratio <= 1.0):
            raise ValueError("ratio must be between 0 and 1, usual_ratio above 0 and at most 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a stretch of time that is over; None within one."""
        if sample.signal != signals.STEP_SECONDS.name:
            self.courses.pop(signals.STEP_SECONDS.name, None)
        elif self.courses and sample.signal not in self.courses:
            return None
        if admission is NONFINITE or not 1e-15 < sample.value < 1e15:
            return UNKNOWN
        course = self.courses.get(sample.signal)
        if course is None:
            course = self.courses[sample.signal] = Course.of(seconds=SECONDS, values=VALUES, keep=NEWEST, size=PAST)
        course.follow(series.segment)
        rate = 1.0 / sample.value if sample.signal == signals.STEP_SECONDS.name else sample.value
        return None if course.observe(sample.time, rate) is None else self._judge(sample, course)

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        if not course.is_full or len(course.past) < MINIMUM_PAST:
            return UNKNOWN
        median, low = course.past.quantile(0.5) or 0.0, course.past.quantile(0.05) or 0.0
        limit = min(self.ratio * median, self.usual_ratio * low)
        fired = max(course.recent) < limit
        if course.settle(fired=fired):
            return Verdict(State.OK, note=NEW_PACE)
        return self._firing(sample, course, median, limit) if fired else OK

    def _firing(self, sample: Sample, course: Course, median: float, limit: float) -> Verdict:
        newest = max(course.recent)
        what = "steps_per_second" if sample.signal == signals.STEP_SECONDS.name else sample.signal
        fall = median / newest if newest > 0.0 else 1e9
        evidence = Evidence(
            f"{what} has been at most {newest:.4g} for {NEWEST} stretches of {SECONDS:.0f} s or more; "
            f"the median before was {median:.4g}",
            sample.signal,
            value=newest,
            expected_low=limit,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, fall, beyond(fall, 1.0 / self.ratio), evidence)

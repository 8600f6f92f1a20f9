"""A queue of requests that grows."""

from __future__ import annotations

from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.detectors.server.minutes import NEWEST, is_known, minutes, usual_high
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.theil_sen import rises_and_falls
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

NEW_LEVEL = "settled at a new level"


class QueueGrowth(Detector, tag="queue_growth"):
    """Fires where the queue has risen over five minutes and is longer than it usually is, until it has halved.

    Risen: at least nine of ten pairs of the newest five minutes rise, and three of the five are half as long as counts:
    a burst of a minute is none. Longer: `minimum_requests` at least, and `usual_ratio` times the 98th percentile of up
    to a day before. The verdict comes once a minute; before an hour has been seen it is unknown.
    """

    minimum_requests: float
    usual_ratio: float
    course: Course | None = None
    longest: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a queue that is none."""
        if not (self.minimum_requests > 0.0 and self.usual_ratio >= 1.0):
            raise ValueError("minimum_requests must be above 0, usual_ratio at least 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a minute that is over; None within one."""
        if admission is NONFINITE or not 0.0 <= sample.value < 1e9:
            return UNKNOWN
        course = self.course = self.course or minutes()
        if series.segment != course.segment:
            self.longest = 0.0
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        if not is_known(course):
            return UNKNOWN
        return self._judge(sample, course)

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        now, usual = course.recent[-1], usual_high(course)
        limit = max(self.minimum_requests, self.usual_ratio * usual)
        has_risen = sorted(course.recent)[2] >= limit / 2.0 and rises_and_falls(course.recent)[0] >= 0.9
        fired = now >= limit and (has_risen or now >= self.longest / 2.0 > 0.0)
        self.longest = max(self.longest, now) if fired else 0.0
        if course.settle(fired=fired):
            self.longest = 0.0
            return Verdict(State.OK, note=NEW_LEVEL)
        return self._firing(sample, course, usual, limit) if fired else OK

    def _firing(self, sample: Sample, course: Course, usual: float, limit: float) -> Verdict:
        first, now = course.recent[0], course.recent[-1]
        evidence = Evidence(
            f"{now:.0f} requests wait, {first:.0f} did {NEWEST} minutes before; up to {usual:.0f} are usual",
            sample.signal,
            value=now,
            expected_low=0.0,
            expected_high=limit,
            time=sample.time,
        )
        return Verdict(State.FIRING, now / limit, beyond(now / limit, 1.0), evidence)

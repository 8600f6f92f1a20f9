"""A server that is full, so that requests wait."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.detectors.server.minutes import newest
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

MINUTES = 10

_SPACES = frozenset({signals.KV_CACHE_UTILIZATION.name, signals.BATCH_UTILIZATION.name})


class Saturation(Detector, tag="saturation"):
    """Fires where the cache of keys and values, or the batch, has been full for ten minutes and requests suffer.

    Full: `share` in each minute. Suffer: in each minute requests wait, or some are put back (preempted). A server that
    is full while nobody waits is used well. Without either of these signals nothing is known. The verdict comes once
    a minute.
    """

    share: float
    waiting: float
    courses: dict[str, Course] = {}

    def __post_init__(self) -> None:
        """Refuse a share that would always or never be reached."""
        if not (0.0 < self.share <= 1.0 and self.waiting > 0.0):
            raise ValueError("share must be above 0 and at most 1, waiting above 0")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a minute that is over; None within one, and for those who suffer."""
        is_space = sample.signal in _SPACES
        if admission is NONFINITE or not 0.0 <= sample.value < 1e9:
            return UNKNOWN if is_space else None
        course = self.courses.get(sample.signal)
        if course is None:
            course = self.courses[sample.signal] = Course.of(seconds=60.0, keep=MINUTES, size=2)
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        return self._judge(sample, course) if is_space else None

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        sufferers = [one for signal, one in self.courses.items() if signal not in _SPACES and one.recent]
        if not course.is_full or not sufferers:
            return UNKNOWN
        if min(course.recent) < self.share or not self._suffers():
            return OK
        waiting = newest(self.courses.get(signals.REQUESTS_WAITING.name)) or 0.0
        evidence = Evidence(
            f"{sample.signal} has been {min(course.recent):.0%} or more for {MINUTES} minutes, "
            f"and {waiting:.0f} requests wait",
            sample.signal,
            value=course.recent[-1],
            expected_high=self.share,
            time=sample.time,
        )
        return Verdict(State.FIRING, min(course.recent), 0.9, evidence)

    def _suffers(self) -> bool:
        waiting = self.courses.get(signals.REQUESTS_WAITING.name)
        preempted = self.courses.get(signals.PREEMPTIONS_PER_SECOND.name)
        return (waiting is not None and waiting.is_full and min(waiting.recent) >= self.waiting) or (
            preempted is not None and preempted.is_full and min(preempted.recent) > 0.0
        )

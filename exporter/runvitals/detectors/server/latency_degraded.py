"""A server that answers far more slowly than it did."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.detectors.server.minutes import NEWEST, is_known, minutes, newest, usual_high
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

_REQUEST = frozenset({signals.REQUEST.name, signals.REQUEST_P99.name})
_FIRST = frozenset({signals.TIME_TO_FIRST_TOKEN.name, signals.TIME_TO_FIRST_TOKEN_P99.name})
_TOKEN = frozenset({signals.TIME_PER_OUTPUT_TOKEN.name, signals.TIME_PER_OUTPUT_TOKEN_P99.name})
_P99 = frozenset(
    {signals.REQUEST_P99.name, signals.TIME_TO_FIRST_TOKEN_P99.name, signals.TIME_PER_OUTPUT_TOKEN_P99.name}
)
_JUDGED = _REQUEST | _FIRST | _TOKEN

NEW_LEVEL = "settled at a new level"


class LatencyDegraded(Detector, tag="latency_degraded"):
    """Fires where four of the newest five minutes are far slower than the server's own past.

    Far slower: above `ratio` times the median of up to a day, above `usual_ratio` times its 98th percentile, and by
    `request_seconds`, `first_token_seconds` or `token_seconds` above the median. Requests that take longer because
    their answers are longer are no fault: where the times to the first and of each token are known, only these count.
    Time spent in a queue that is longer than usual is not judged here, `queue_growth` tells of it. A 99th percentile
    needs `minimum_requests` in a minute, where their rate is known. The verdict comes once a minute; before an hour has
    been seen it is unknown.
    """

    ratio: float
    usual_ratio: float
    request_seconds: float
    first_token_seconds: float
    token_seconds: float
    minimum_requests: float
    courses: dict[str, Course] = {}

    def __post_init__(self) -> None:
        """Refuse what a steady server reaches."""
        if not (self.ratio > 1.0 and self.usual_ratio >= 1.0):
            raise ValueError("ratio must be above 1, usual_ratio at least 1")
        if min(self.request_seconds, self.first_token_seconds, self.token_seconds, self.minimum_requests) < 0.0:
            raise ValueError("request_seconds, first_token_seconds, token_seconds and minimum_requests: from 0")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a minute that is over; None within one, and for the load."""
        is_judged = sample.signal in _JUDGED
        if admission is NONFINITE or not 0.0 <= sample.value < 1e9:
            return UNKNOWN if is_judged else None
        course = self.courses.get(sample.signal)
        if course is None:
            course = self.courses[sample.signal] = minutes()
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        return self._judge(sample, course) if is_judged else None

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        if not is_known(course) or self._is_sparse(sample.signal):
            return UNKNOWN
        median = course.past.median or 0.0
        limit = max(self.ratio * median, self.usual_ratio * usual_high(course), median + self._gate(sample.signal))
        fired = sum(level > limit for level in course.recent) >= NEWEST - 1 and not self._is_explained(sample.signal)
        if course.settle(fired=fired):
            return Verdict(State.OK, note=NEW_LEVEL)
        return self._firing(sample, course, median, limit) if fired else OK

    def _gate(self, signal: str) -> float:
        if signal in _TOKEN:
            return self.token_seconds
        return self.first_token_seconds if signal in _FIRST else self.request_seconds

    def _is_sparse(self, signal: str) -> bool:
        rate = newest(self.courses.get(signals.REQUESTS_PER_SECOND.name))
        return signal in _P99 and rate is not None and rate * 60.0 < self.minimum_requests

    def _is_explained(self, signal: str) -> bool:
        """Return whether longer answers, or a longer queue, account for it."""
        if signal in _TOKEN:
            return False
        if signal in _REQUEST and all(self.courses.keys() & part for part in (_FIRST, _TOKEN)):
            return True
        queue = self.courses.get(signals.REQUESTS_WAITING.name)
        waiting = newest(queue)
        return queue is not None and waiting is not None and waiting > max(4.0, 2.0 * usual_high(queue))

    def _firing(self, sample: Sample, course: Course, median: float, limit: float) -> Verdict:
        now = newest(course) or 0.0
        score = now / limit
        evidence = Evidence(
            f"{sample.signal} has been {now:.3g} s for {NEWEST} minutes; its median before was {median:.3g} s",
            sample.signal,
            value=now,
            expected_low=0.0,
            expected_high=limit,
            time=sample.time,
        )
        return Verdict(State.FIRING, score, beyond(score, 1.0), evidence)

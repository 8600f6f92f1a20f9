"""Too many requests that fail."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.server.minutes import DAY, HOUR
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

SECONDS, LONGEST = 300.0, 1800.0
"""Requests are counted for so long, and longer while there are too few of them."""

LONGEST_INTERVAL = 60.0
GROSS = 0.5
"""A server that fails every other request needs no past to be compared with."""


class Count(msgspec.Struct):
    """Requests of a stretch of time, and those that failed, estimated from their rates."""

    start: float
    requests: float = 0.0
    failed: float = 0.0

    @property
    def ratio(self) -> float:
        """Share that failed; 0 without requests."""
        return self.failed / self.requests if self.requests > 0.0 else 0.0


class ErrorRate(Detector, tag="error_rate"):
    """Fires where of the requests of five minutes, or of half an hour where they are few, too many failed.

    Too many: a share above `share` and above `usual_ratio` times the 98th percentile of up to a day before, of at least
    `minimum_requests` of which `minimum_failed` failed. The counts come from the rates; without a rate of requests
    nothing is known. A fault that is there counts without a past only from one half on; else an hour is needed. The
    verdict comes with each such count.
    """

    share: float
    usual_ratio: float
    minimum_requests: float
    minimum_failed: float
    rates: dict[str, float] = {}
    newest: float | None = None
    count: Count | None = None
    past: RollingWindow = msgspec.field(default_factory=lambda: RollingWindow(DAY))
    withheld: int = 0
    segment: int = 0

    def __post_init__(self) -> None:
        """Refuse what a healthy server reaches."""
        if not (0.0 < self.share < 1.0 and self.usual_ratio >= 1.0):
            raise ValueError("share must be between 0 and 1, usual_ratio at least 1")
        if not (self.minimum_requests >= 1.0 and self.minimum_failed >= 1.0):
            raise ValueError("minimum_requests and minimum_failed must be at least 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a count that is complete; a rate is only noted."""
        is_ratio = sample.signal == signals.ERROR_RATIO.name
        if admission is NONFINITE or not 0.0 <= sample.value <= (1.0 if is_ratio else 1e9):
            return UNKNOWN if is_ratio else None
        if not is_ratio:
            self.rates[sample.signal] = sample.value
            return None
        self._follow(series)
        return self._take(sample) if self.rates else UNKNOWN

    def _follow(self, series: Series) -> None:
        if series.segment != self.segment:
            self.segment, self.count, self.withheld = series.segment, None, 0
            self.past.clear()

    def _take(self, sample: Sample) -> Verdict | None:
        seconds = sample.time - self.newest if self.newest is not None else 0.0
        self.newest = sample.time
        if self.count is None or seconds < 0.0:
            self.count = Count(sample.time)
            return None
        count = self.count
        requests = max(self.rates.values()) * min(max(seconds, 0.0), LONGEST_INTERVAL)
        count.requests += requests
        count.failed += requests * sample.value
        elapsed = sample.time - count.start
        if elapsed < SECONDS or (elapsed < LONGEST and count.requests < self.minimum_requests):
            return None
        self.count = Count(sample.time)
        return self._judge(sample, count)

    def _judge(self, sample: Sample, count: Count) -> Verdict:
        if count.requests < self.minimum_requests:
            return UNKNOWN
        is_known = len(self.past) >= HOUR
        limit = max(self.share, self.usual_ratio * (self.past.quantile(0.98) or 0.0)) if is_known else GROSS
        fired = count.ratio > limit and count.failed >= self.minimum_failed
        self._settle(count.ratio, fired=fired)
        if not fired:
            return OK if is_known else UNKNOWN
        return self._firing(sample, count, limit)

    def _settle(self, ratio: float, *, fired: bool) -> None:
        """Keep an excursion out of the past, until it has lasted for as long as that holds."""
        self.withheld = self.withheld + 1 if fired else 0
        if self.withheld > DAY:
            self.past.clear()
            self.withheld = 0
        if not fired:
            self.past.push(ratio)

    def _firing(self, sample: Sample, count: Count, limit: float) -> Verdict:
        minutes = (sample.time - count.start) / 60.0
        evidence = Evidence(
            f"{count.ratio:.1%} of about {count.requests:.0f} requests in {minutes:.0f} minutes failed; "
            f"at most {limit:.1%} was expected",
            sample.signal,
            value=count.ratio,
            expected_low=0.0,
            expected_high=limit,
            time=sample.time,
        )
        score = count.ratio / limit
        return Verdict(State.FIRING, score, beyond(score, 1.0), evidence)

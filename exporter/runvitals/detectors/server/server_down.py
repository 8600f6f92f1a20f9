"""A server that does not answer."""

from __future__ import annotations

from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

LONGEST_GAP = 900.0


class ServerDown(Detector, tag="server_down"):
    """Fires where a server did not answer `minimum_polls` times in a row, over `minimum_seconds` at least.

    One that has never answered is starting, and unknown, for `startup_seconds`.
    """

    minimum_polls: float
    minimum_seconds: float
    startup_seconds: float
    failures: int = 0
    since: float | None = None
    newest: float | None = None
    was_up: bool = False

    def __post_init__(self) -> None:
        """Refuse what a single lost answer would reach."""
        if not (self.minimum_polls >= 1.0 and self.minimum_seconds >= 0.0 and self.startup_seconds >= 0.0):
            raise ValueError("minimum_polls must be at least 1, minimum_seconds and startup_seconds at least 0")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Return the verdict on one poll."""
        if admission is NONFINITE:
            return UNKNOWN
        if sample.value > 0.0:
            self.failures, self.since, self.newest, self.was_up = 0, None, None, True
            return OK
        if self.since is None or self.newest is None or not 0.0 <= sample.time - self.newest <= LONGEST_GAP:
            self.failures, self.since = 0, sample.time
        self.failures, self.newest = self.failures + 1, sample.time
        return self._judge(sample, sample.time - self.since)

    def _judge(self, sample: Sample, seconds: float) -> Verdict:
        if not self.was_up and seconds < self.startup_seconds:
            return UNKNOWN
        if self.failures < self.minimum_polls or seconds < self.minimum_seconds:
            return UNKNOWN
        evidence = Evidence(
            f"the server has not answered {self.failures} times in a row, for {seconds:.0f} s",
            sample.signal,
            value=sample.value,
            expected_low=1.0,
            time=sample.time,
        )
        return Verdict(State.FIRING, seconds, 1.0, evidence)

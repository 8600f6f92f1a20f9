"""A rank that lives but makes no steps."""

from __future__ import annotations

import msgspec

from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import OK, UNKNOWN, Evidence, State, Verdict

WINDOW = 256
MINIMUM_INTERVALS = 8


class Hang(msgspec.Struct, tag="hang"):
    """Fires when the next step is overdue.

    It is overdue after `step_factor` times the 99th percentile of the step interval, but not before `minimum_seconds`;
    after the start, in the first steps, and after a mark that announces a pause (evaluation, checkpoint), not before
    `startup_seconds`. A rank whose start and steps were never seen, or are seen no longer, is unknown.
    """

    step_factor: float
    minimum_seconds: float
    startup_seconds: float
    intervals: RollingWindow = msgspec.field(default_factory=lambda: RollingWindow(WINDOW))
    since: float | None = None
    step: int | None = None
    is_paused: bool = False

    def __post_init__(self) -> None:
        """Refuse limits that would always or never be reached."""
        if not (self.step_factor >= 1.0 and self.minimum_seconds > 0.0 and self.startup_seconds > 0.0):
            raise ValueError("step_factor must be at least 1, minimum_seconds and startup_seconds above 0")

    def start(self, time: float) -> None:
        """The rank started, or started again, at `time`."""
        self.intervals.clear()
        self.since, self.step, self.is_paused = time, None, False

    def forget(self) -> None:
        """Steps are no longer told: whether the rank makes any is unknown until one comes."""
        self.intervals.clear()
        self.since, self.step, self.is_paused = None, None, False

    def pause(self, time: float) -> None:
        """The next step was announced to take longer."""
        self.is_paused = True
        self.since = max(time, self.since or time)

    def advance_step(self, step: int, time: float) -> None:
        """Note that the rank has come to another step."""
        if self.step is not None and self.since is not None and time > self.since and not self.is_paused:
            self.intervals.push(time - self.since)
        self.step, self.since, self.is_paused = step, max(time, self.since or time), False

    def follow_clock(self, jump: float, now: float) -> None:
        """The wall clock was set by `jump` seconds and says `now`: the time that has passed stays what it is."""
        if self.since is not None:
            self.since = min(self.since + jump, now)

    @property
    def limit(self) -> float:
        """Seconds without a step from which on the rank is stalled."""
        slowest = self.intervals.quantile(0.99)
        if slowest is None or len(self.intervals) < MINIMUM_INTERVALS:
            return max(self.startup_seconds, self.minimum_seconds)
        usual = max(self.step_factor * slowest, self.minimum_seconds)
        return max(usual, self.startup_seconds) if self.is_paused else usual

    def verdict(self, now: float) -> Verdict:
        """Return whether the next step is overdue at `now`; the evidence is dated to when it fell due."""
        if self.since is None or now < self.since:  # a source that has not answered yet tells nothing of now
            return UNKNOWN
        if now - self.since <= self.minimum_seconds:
            return OK
        limit = self.limit
        if now - self.since <= limit:
            return OK
        due = self.since + limit
        what = "no first step" if self.step is None else f"no step after step {self.step}"
        evidence = Evidence(
            f"{what} for {limit:.3g} s, more than ever expected",
            value=limit,
            expected_high=limit,
            step=self.step,
            time=due,
        )
        return Verdict(State.FIRING, confidence=1.0, evidence=evidence)

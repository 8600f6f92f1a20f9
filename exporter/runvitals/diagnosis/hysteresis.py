"""From single verdicts to a fault that is open or closed."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from runvitals.values import State


class Change(Enum):
    """What a verdict changed."""

    NONE = "none"
    OPENED = "opened"
    CLOSED = "closed"


class Sight(NamedTuple):
    """Where a verdict was given."""

    time: float
    step: int | None


class Hysteresis(msgspec.Struct):
    """Opens when `open_count` of the last `open_window` verdicts fired; closes after `close_count` ok ones in a row.

    `unknown` is evidence of nothing: it neither opens, nor closes, nor breaks a row. `sights` tells where those of the
    window that fired were given, the oldest first; it is kept until the opening.
    """

    open_count: int
    open_window: int
    close_count: int
    recent: int = 0
    calm: int = 0
    is_open: bool = False
    last: State = State.UNKNOWN
    sights: list[Sight] = []

    def observe(self, state: State, time: float = 0.0, step: int | None = None) -> Change:
        """Take one verdict, given at `time` and `step`; return what it changed."""
        self.last = state
        if state is State.UNKNOWN:
            return Change.NONE
        firing = state is State.FIRING
        self.recent = ((self.recent << 1) | firing) & ((1 << self.open_window) - 1)
        self.calm = 0 if firing else self.calm + 1
        if firing or self.sights:
            self._keep_sights(firing, Sight(time, step))
        if self.is_open and self.calm >= self.close_count:
            self.is_open, self.recent = False, 0
            return Change.CLOSED
        if not self.is_open and self.recent.bit_count() >= self.open_count:
            self.is_open = True
            return Change.OPENED
        return Change.NONE

    def reset(self) -> None:
        """Forget everything: what comes is another segment."""
        self.recent, self.calm, self.is_open, self.last = 0, 0, False, State.UNKNOWN
        self.sights.clear()

    def _keep_sights(self, firing: bool, sight: Sight) -> None:
        """Keep as many sights as verdicts of the window fired; while open the first ones are told already."""
        if self.is_open:
            self.sights.clear()
            return
        if firing:
            self.sights.append(sight)
        del self.sights[: max(0, len(self.sights) - self.recent.bit_count())]

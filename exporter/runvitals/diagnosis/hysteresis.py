"""From single verdicts to a fault that is open or closed."""

from __future__ import annotations

from enum import Enum

import msgspec

from runvitals.values import State


class Change(Enum):
    """What a verdict changed."""

    NONE = "none"
    OPENED = "opened"
    CLOSED = "closed"


class Hysteresis(msgspec.Struct):
    """Opens when `open_count` of the last `open_window` verdicts fired; closes after `close_count` ok ones in a row.

    `unknown` is evidence of nothing: it neither opens, nor closes, nor breaks a row.
    """

    open_count: int
    open_window: int
    close_count: int
    recent: int = 0
    calm: int = 0
    is_open: bool = False
    last: State = State.UNKNOWN

    def observe(self, state: State) -> Change:
        """Take one verdict; return what it changed."""
        self.last = state
        if state is State.UNKNOWN:
            return Change.NONE
        firing = state is State.FIRING
        self.recent = ((self.recent << 1) | firing) & ((1 << self.open_window) - 1)
        self.calm = 0 if firing else self.calm + 1
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

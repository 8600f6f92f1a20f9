"""The largest value of the last seconds, so that a slow reader misses nothing."""

from __future__ import annotations

from math import inf

import msgspec

GRAIN = 10.0
"""Seconds that are forgotten together."""


class SlidingMaximum(msgspec.Struct):
    """The largest value of the last `span` seconds, and of less than `GRAIN` before them.

    Time is cut into pieces of `GRAIN` seconds: `newest` is the largest value of the one that ends at `ends`, `older`
    are ends and largest values of those before it. Kept are only values that no later one exceeds, so the first is the
    largest; they are `span` / `GRAIN` + 1 at most.
    """

    span: float = 60.0
    newest: float = -inf
    ends: float = 0.0
    older: list[tuple[float, float]] = []

    def push(self, time: float, value: float) -> None:
        """Add a value at a time (seconds); times need not be in order."""
        if not -GRAIN <= time - self.ends < 0.0:
            self._turn(time)
        if value > self.newest:
            self.newest = value

    def get(self, now: float) -> float | None:
        """Return the largest value of the `span` seconds before `now`; None without any."""
        self._forget(now)
        if self.older:
            return max(self.older[0][1], self.newest)
        return self.newest if self.newest > -inf and self.ends > now - self.span else None

    def _turn(self, time: float) -> None:
        """Begin another piece; an earlier time counts as the newest, unless the clock was set back."""
        ends = self.ends
        if ends - self.span <= time < ends:
            return
        if time < ends:
            self.older.clear()  # what lies ahead would stay until it is there again
        else:
            while self.older and self.older[-1][1] <= self.newest:
                self.older.pop()
            self.older.append((ends, self.newest))
            self._forget(time)
        self.newest, self.ends = -inf, time // GRAIN * GRAIN + GRAIN

    def _forget(self, now: float) -> None:
        while self.older and self.older[0][0] <= now - self.span:
            self.older.pop(0)

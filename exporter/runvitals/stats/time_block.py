"""The values of one stretch of time, however many there were, in a few numbers."""

from __future__ import annotations

from math import fsum

import msgspec

from runvitals.stats import order

LARGEST = 64
"""So many numbers are kept of a stretch at most."""


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of time that is over: the times of its first and last value, how many there were, and their order."""

    start: float
    end: float
    count: int
    ordered: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the values."""
        return order.median(self.ordered)

    @property
    def midmean(self) -> float:
        """Mean of the middle half.

        Robust as the median nearly, and steady where the median jumps: among values that alternate between two levels.
        """
        cut = len(self.ordered) // 4
        middle = self.ordered[cut : len(self.ordered) - cut]
        return fsum(value / len(middle) for value in middle)


class TimeBlock(msgspec.Struct):
    """Gathers values until `seconds` have passed and `minimum` values are there, then begins anew.

    Once `LARGEST` numbers are kept, neighbours are averaged in pairs, and so is what follows: nothing is left out, so
    that no period among the values can hide. A clock that goes back begins a new stretch and drops the one that was
    open.
    """

    seconds: float
    minimum: int = 1
    start: float = 0.0
    newest: float = 0.0
    count: int = 0
    stride: int = 1
    pending: float = 0.0
    pending_count: int = 0
    kept: list[float] = []

    def observe(self, time: float, value: float) -> Stretch | None:
        """Take a finite value at a time in seconds; return the stretch before it, if that is over."""
        over = None
        if self.count:
            if time < self.start:
                self.clear()
            elif time - self.start >= self.seconds and self.count >= self.minimum:
                over = self._close()
        if not self.count:
            self.start = self.newest = time
        elif time > self.newest:
            self.newest = time
        self.count += 1
        if self.stride == 1:
            self._append(value)
        else:
            self._average(value)
        return over

    def clear(self) -> None:
        """Forget the open stretch."""
        self.count = self.pending_count = 0
        self.stride, self.pending, self.kept = 1, 0.0, []

    def _close(self) -> Stretch:
        stretch = Stretch(self.start, self.newest, self.count, tuple(sorted(self.kept)))
        self.clear()
        return stretch

    def _average(self, value: float) -> None:
        self.pending += value / self.stride
        self.pending_count += 1
        if self.pending_count == self.stride:
            self._append(self.pending)
            self.pending, self.pending_count = 0.0, 0

    def _append(self, value: float) -> None:
        kept = self.kept
        kept.append(value)
        if len(kept) >= LARGEST:
            self.kept = [order.midpoint(kept[at], kept[at + 1]) for at in range(0, LARGEST, 2)]
            self.stride *= 2

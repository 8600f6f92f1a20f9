"""The values of one stretch of time, however many there were, in a few numbers."""

from __future__ import annotations

from math import floor, log

import msgspec

FINEST = 50.0
"""Bins to a factor of e: values within 2 % of each other share one."""

MOST_BINS = 128

_ZERO = -(1 << 40)


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of time that is over: the times of its first and last value, how many there were, and their level.

    The level is the mean of the middle half: nearly as robust as the median, and steady where the median jumps, among
    values that alternate between two levels.
    """

    start: float
    end: float
    count: int
    midmean: float


class TimeBlock(msgspec.Struct):
    """Gathers values from 0 on until `seconds` have passed and `minimum` values are there, then begins anew.

    The values are kept as a histogram over their logarithms (as in DDSketch, Masson, Rim and Lee, VLDB 2019), with
    the mean of each bin; where it would have too many bins they are made twice as wide. So neither their number nor any
    period among them moves the level. A clock that goes back begins a new stretch and drops the one that was open.
    """

    seconds: float
    minimum: int = 1
    start: float = 0.0
    newest: float = 0.0
    count: int = 0
    resolution: float = FINEST
    bins: dict[int, tuple[int, float]] = {}

    def observe(self, time: float, value: float) -> Stretch | None:
        """Take a finite value, 0 or more, at a time in seconds; return the stretch before it, if that is over."""
        over = None
        if self.count:
            if time < self.start:
                self.clear()
            elif time - self.start >= self.seconds and self.count >= self.minimum:
                over = Stretch(self.start, self.newest, self.count, self._midmean())
                self.clear()
        if not self.count:
            self.start = self.newest = time
        elif time > self.newest:
            self.newest = time
        self.count += 1
        self._add(value)
        return over

    def clear(self) -> None:
        """Forget the open stretch."""
        self.count, self.resolution, self.bins = 0, FINEST, {}

    def _add(self, value: float) -> None:
        place = floor(log(value) * self.resolution) if value > 0.0 else _ZERO
        count, mean = self.bins.get(place, (0, 0.0))
        self.bins[place] = count + 1, mean + (value - mean) / (count + 1)
        while len(self.bins) > MOST_BINS:
            self._coarsen()

    def _coarsen(self) -> None:
        fine, self.bins = self.bins, {}
        self.resolution /= 2.0
        for place, (count, mean) in fine.items():
            wide = place if place == _ZERO else place >> 1
            there, before = self.bins.get(wide, (0, 0.0))
            self.bins[wide] = there + count, before + (mean - before) * (count / (there + count))

    def _midmean(self) -> float:
        low, high = self.count / 4.0, self.count * 3.0 / 4.0
        level, passed = 0.0, 0
        for _, (count, mean) in sorted(self.bins.items()):
            within = min(passed + count, high) - max(passed, low)
            if within > 0.0:
                level += mean * (within / (high - low))
            passed += count
        return level

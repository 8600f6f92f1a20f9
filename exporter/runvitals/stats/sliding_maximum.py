"""The largest value of the last seconds, so that a slow reader misses nothing."""

from __future__ import annotations

import msgspec


class SlidingMaximum(msgspec.Struct):
    """The largest value of the last `span` seconds, to the second; at most `span` + 1 numbers are kept.

    Kept are only values that no later one exceeds, so the first is the largest.
    """

    span: int = 60
    peaks: list[tuple[int, float]] = []

    def push(self, time: float, value: float) -> None:
        """Add a value at a time (seconds); times need not be in order."""
        second, peaks = int(time), self.peaks
        if peaks and second < peaks[-1][0]:
            second = self._turned_back(second)
        while peaks:
            newest, highest = peaks[-1]
            if highest > value:
                if newest < second:
                    peaks.append((second, value))
                    if peaks[0][0] < second - self.span:
                        self._forget(second)
                return
            peaks.pop()
        peaks.append((second, value))

    def get(self, now: float) -> float | None:
        """Return the largest value of the `span` seconds before `now`; None without any."""
        self._forget(int(now))
        return self.peaks[0][1] if self.peaks else None

    def _turned_back(self, second: int) -> int:
        """Return the second as which an earlier one counts: the newest, unless the clock was set back."""
        newest = self.peaks[-1][0]
        if second >= newest - self.span:
            return newest
        self.peaks.clear()  # what lies ahead would stay until it is there again
        return second

    def _forget(self, second: int) -> None:
        while self.peaks and self.peaks[0][0] < second - self.span:
            self.peaks.pop(0)

"""The range seen so far, and how far outside of it a value lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

_FORGET = 1.0 / 2048.0


@dataclass(slots=True)
class ValueRange:
    """Smallest and largest value, closing in slowly, so that what was long ago is forgotten.

    One value widens it to at most twice its width: a single wild one does not blind it.
    """

    low: float = 0.0
    high: float = 0.0
    seen: int = 0

    def outside(self, value: float) -> float:
        """Return log(1 + distance from the range in its widths), at most 10, and widen it; 0 within, negative below."""
        low, high = self.low, self.high
        if low <= value <= high:
            return 0.0
        if not self.seen:
            self.low = self.high = value
            self.seen = 1
            return 0.0
        return self._widen(value, low, high)

    def close(self, value: float) -> None:
        """Let the ends come a little closer, but not past the newest value."""
        closing = (self.high - self.low) * _FORGET
        if value - self.low > closing:
            self.low += closing
        if self.high - value > closing:
            self.high -= closing

    def _widen(self, value: float, low: float, high: float) -> float:
        width = high - low
        if not width:
            self.low, self.high = min(value, low), max(value, high)
            return 0.0
        if value > high:
            self.high = min(value, high + width)
            return min(log1p((value - high) / width), 10.0)
        self.low = max(value, low - width)
        return -min(log1p((low - value) / width), 10.0)

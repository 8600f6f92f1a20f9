"""Where a series of block means stands, what it stood at, and how noisy it is."""

from __future__ import annotations

import msgspec

MID, SLOW = 4, 32

_LIMIT = 4.0
"""Deviations as far as which a value moves the slow mean and the variance (a Huber estimate, one step at a time)."""

_FLOOR = 0.05
"""The least deviation, of logarithms 5 %."""


class Levels(msgspec.Struct):
    """Exponential means over 4 and 32 values, the deviation around the slower, and that between neighbours.

    Until a span has passed, a mean is that of all values.
    """

    count: int = 0
    newest: float = 0.0
    previous: float = 0.0
    mid: float = 0.0
    slow: float = 0.0
    variance: float = 0.0
    difference: float = 0.0

    def observe(self, value: float) -> None:
        """Take the next finite value."""
        count = self.count = self.count + 1
        span = min(count, SLOW)
        excess = value - self.slow
        if count > MID:
            limit = _LIMIT * (self.variance**0.5 + _FLOOR)
            excess = min(max(excess, -limit), limit)
        if count > 1:
            self.variance += (excess * excess - self.variance) / span
            self.difference += (abs(value - self.newest) - self.difference) / min(count - 1, SLOW)
        self.slow += excess / span
        self.mid += (value - self.mid) / min(count, MID)
        self.previous, self.newest = self.newest, value

    @property
    def deviation(self) -> float:
        """Standard deviation around the slow mean; a trend adds to it."""
        return float(self.variance**0.5)

    @property
    def noise(self) -> float:
        """Standard deviation by the differences of neighbours (0.886 of their mean, if normal); a trend adds little."""
        return 0.886 * self.difference

"""Where a noisy series stands and moves: exponential means of three spans, in a few numbers."""

from __future__ import annotations

from math import sqrt

import msgspec

from runvitals.stats.clip import clip

FAST, MID, SLOW = 4, 16, 128

SMALLEST_DEVIATION = 0.05
"""Values that were rounded, or constant for a while, count as spread at least so far; of logarithms, 5 %."""


class MovingLevels(msgspec.Struct):
    """Exponential means over 4, 16 and 128 values, and the variance around the slowest.

    Until a span has passed, a mean is that of all values. The slow mean and the variance take in a value only as far
    as `limit` deviations, so that an outlier does not move them (a Huber estimate, one step at a time).
    """

    limit: float
    count: int = 0
    fast: float = 0.0
    mid: float = 0.0
    slow: float = 0.0
    variance: float = 0.0

    def observe(self, value: float) -> None:
        """Take the next finite value."""
        count = self.count = self.count + 1
        self.fast += (value - self.fast) / (count if count < FAST else FAST)
        self.mid += (value - self.mid) / (count if count < MID else MID)
        excess = value - self.slow
        if count > MID:
            limit = self.limit * self.deviation
            excess = clip(excess, -limit, limit)
        span = count if count < SLOW else SLOW
        if count > 1:
            self.variance += (excess * excess - self.variance) / span
        self.slow += excess / span

    @property
    def deviation(self) -> float:
        """Standard deviation around the slow mean, with a floor."""
        return sqrt(self.variance) + SMALLEST_DEVIATION

"""Where a noisy series stands and moves: exponential means of different spans, in a few numbers."""

from __future__ import annotations

from math import asinh, sqrt

import msgspec

FAST, MID, SLOW = 4, 16, 128
LIMIT = 4.0
SMALLEST_DEVIATION = 0.05
"""In logarithms 5 %: rounded or constant values have no smaller spread than this."""


class MovingLevels(msgspec.Struct):
    """Exponential means over 4, 16 and 128 values, the deviation around the slowest, and the lowest recent excess.

    Until a span has passed, a mean is that of all values. The slow mean takes in a value only as far as `LIMIT`
    deviations, so that an outlier does not move it. `floor` follows the excess over the slow mean down at once and
    up slowly: high only where every recent value was.
    """

    count: int = 0
    fast: float = 0.0
    mid: float = 0.0
    slow: float = 0.0
    variance: float = 0.0
    floor: float = 0.0

    def observe(self, value: float) -> None:
        """Take the next finite value."""
        self.count += 1
        count = self.count
        self.fast += (value - self.fast) / min(count, FAST)
        self.mid += (value - self.mid) / min(count, MID)
        excess = value - self.slow
        if count > MID:
            limit = LIMIT * self.deviation
            bounded = min(max(excess, -limit), limit)
        else:
            bounded = excess
        span = min(count, SLOW)
        if count > 1:
            self.variance += (bounded * bounded - self.variance) / span
        self.slow += bounded / span
        self.floor = min(excess, self.floor + (excess - self.floor) / 8.0)

    @property
    def deviation(self) -> float:
        """Standard deviation around the slow mean, with a floor."""
        return sqrt(self.variance) + SMALLEST_DEVIATION

    def features(self) -> tuple[float, float, float, float, float, float]:
        """Return level, high level, floor, trend and (squashed) level and shift in deviations; all bounded."""
        level = self.fast - self.slow
        deviation = self.deviation
        return (
            min(max(level, -2.0), 5.0),
            min(max(level - 1.1, 0.0), 4.0),
            min(max(self.floor, -1.0), 5.0),
            min(max(self.fast - self.mid, -2.0), 2.0),
            asinh(level / deviation),
            asinh((self.mid - self.slow) / deviation),
        )

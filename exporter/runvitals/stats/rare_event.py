"""How rare is an event that most values do not show at all?"""

from __future__ import annotations

from math import log, log10

import msgspec

_LN10 = log(10.0)
_LONGEST = 100_000  # values over which the rate is a mean
_PRIOR = 20.0  # values that the rate before any was seen counts as
_CLIP = 10.0
_TYPICAL = 0.3  # decades of an event of mean size among events


class RareEvent(msgspec.Struct):
    """The rate of an event, and the mean size of those there were; sizes are taken as exponential."""

    rate: float = 0.05
    mean_size: float = 0.0
    seen: int = 0

    def observe(self, size: float) -> float:
        """Return -log10 of the probability of an event at least this large; 0 where there is none (`size` 0)."""
        self.seen = seen = self.seen + 1
        weight = 1.0 / (seen + _PRIOR) if seen < _LONGEST else 1.0 / _LONGEST
        rate = self.rate
        if size <= 0.0:
            self.rate = rate - weight * rate
            return 0.0
        score = -log10(max(rate, 1e-9))
        self.rate = rate + weight * (1.0 - rate)
        mean = self.mean_size
        if not mean:
            self.mean_size = size
            return score
        limited = min(size, _CLIP * mean)
        self.mean_size = mean + 0.1 * (limited - mean)
        return max(0.0, score + limited / mean / _LN10 - _TYPICAL)

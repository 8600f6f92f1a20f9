"""How rare an event is that most values do not show at all."""

from __future__ import annotations

from math import log, log10

import msgspec

_LN10 = log(10.0)
_PRIOR_EVENTS, _PRIOR_VALUES = 1.0, 20.0  # what the rate starts from
_CLIP = 10.0
_TYPICAL = 0.3  # decades of an event of mean size among events


class RareEvent(msgspec.Struct):
    """How often an event was seen, and the mean size of those there were; sizes are taken as exponential."""

    events: int = 0
    mean_size: float = 0.0

    def observe(self, size: float, seen: int) -> float:
        """Take in an event of a size above 0 after `seen` values with or without one.

        Returns -log10 of the probability of an event at least this large, as known before it.
        """
        score = log10((seen + _PRIOR_VALUES) / (self.events + _PRIOR_EVENTS))
        self.events += 1
        mean = self.mean_size
        if not mean:
            self.mean_size = size
            return score
        limited = min(size, _CLIP * mean)
        self.mean_size = mean + 0.1 * (limited - mean)
        return max(0.0, score + limited / mean / _LN10 - _TYPICAL)

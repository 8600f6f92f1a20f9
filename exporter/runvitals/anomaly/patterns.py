"""Which short sequences of values a signal has gone through."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_LENGTH_MASK = 0xFF  # four symbols of two bits


class Patterns(msgspec.Struct):
    """The sequences of four that have been seen, each value taken as the quarter of the window that it falls in."""

    newest: int = 0
    seen: bytearray = msgspec.field(default_factory=lambda: bytearray(32))

    def novelty(self, value: float, ordered: Sequence[float]) -> float:
        """Take in a value and the sorted window before it; return 0, or for a new sequence 1 (-1: it ends low)."""
        n = len(ordered)
        if value > ordered[n // 2]:
            quarter = 3 if value > ordered[n - 1 - n // 4] else 2
        else:
            quarter = 1 if value > ordered[n // 4] else 0
        self.newest = newest = (self.newest << 2 | quarter) & _LENGTH_MASK
        seen, place, bit = self.seen, newest >> 3, 1 << (newest & 7)
        if seen[place] & bit:
            return 0.0
        seen[place] |= bit
        return 1.0 if quarter > 1 else -1.0

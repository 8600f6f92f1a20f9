"""Which short sequences of values a signal has gone through."""

from __future__ import annotations

import msgspec

_LENGTH_MASK = 0xFF  # four symbols of two bits


class Patterns(msgspec.Struct):
    """The sequences of four that have been seen, each value taken as the quarter of the window that it falls in."""

    newest: int = 0
    seen: bytearray = msgspec.field(default_factory=lambda: bytearray(32))

    def is_new(self, quarter: int) -> bool:
        """Take in the newest value's quarter (0..3); return whether the last four had never been seen in this order."""
        self.newest = newest = (self.newest << 2 | quarter) & _LENGTH_MASK
        bit = 1 << (newest & 7)
        if self.seen[newest >> 3] & bit:
            return False
        self.seen[newest >> 3] |= bit
        return True

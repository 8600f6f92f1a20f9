"""Which short sequences of values a signal has gone through."""

from __future__ import annotations

from dataclasses import dataclass, field

from runvitals.anomaly.spread import Quartiles

_LENGTH_MASK = 0xFF  # four symbols of two bits


@dataclass(slots=True)
class Patterns:
    """The sequences of four that have been seen, each value taken as the quarter of the window that it falls in."""

    newest: int = 0
    seen: bytearray = field(default_factory=lambda: bytearray(32))

    def novelty(self, value: float, quartiles: Quartiles) -> float:
        """Take in a value and the window's quartiles; return 0, or for a new sequence 1 (-1: it ends low)."""
        low, middle, high = quartiles
        quarter = (3 if value > high else 2) if value > middle else 1 if value > low else 0
        self.newest = newest = (self.newest << 2 | quarter) & _LENGTH_MASK
        seen, place, bit = self.seen, newest >> 3, 1 << (newest & 7)
        if seen[place] & bit:
            return 0.0
        seen[place] |= bit
        return 1.0 if quarter > 1 else -1.0

"""The whole course of a signal in at most 64 numbers."""

from __future__ import annotations

import msgspec

MOST = 64


class Course(msgspec.Struct):
    """Means of equally long blocks of `width` values, oldest first.

    When there are 64, neighbours are joined and blocks are twice as long from then on: the numbers always tell of the
    whole course, at constant cost and in constant memory.
    """

    width: int
    means: list[float] = []
    total: float = 0.0
    filled: int = 0

    def observe(self, value: float) -> bool:
        """Take the next finite value; return whether it completed a block."""
        self.total += value
        self.filled += 1
        if self.filled < self.width:
            return False
        self.means.append(self.total / self.width)
        self.total, self.filled = 0.0, 0
        if len(self.means) == MOST:
            self.means = [(one + other) / 2.0 for one, other in zip(self.means[::2], self.means[1::2], strict=True)]
            self.width *= 2
        return True

    @property
    def count(self) -> int:
        """Values in complete blocks."""
        return self.width * len(self.means)

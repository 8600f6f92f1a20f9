"""How long something healthy has been still, and whether it is still for longer now."""

from __future__ import annotations

import msgspec


class LongestPause(msgspec.Struct):
    """Counts observations without a change; the pauses between changes are what is usual.

    With gradient accumulation the weights stay the same for many observations, and change then: pauses that came to an
    end are healthy.
    """

    still: int = 0
    longest: int = 0
    has_moved: bool = False

    def observe(self, *, moved: bool) -> None:
        """Take the next observation."""
        if not moved:
            self.still += 1
            return
        if self.has_moved:
            self.longest = max(self.longest, self.still)
        self.still, self.has_moved = 0, True

    def exceeds(self, minimum: float, at_start: float) -> bool:
        """Return whether it is still for `minimum` observations and three times the longest pause.

        Before the first change: for `at_start`.
        """
        return self.still >= (max(minimum, 3.0 * self.longest) if self.has_moved else at_start)

"""How long something healthy has been still, and whether it is still for longer now."""

from __future__ import annotations

import msgspec


class LongestPause(msgspec.Struct):
    """Counts observations without a change; the pauses between changes are what is usual.

    With gradient accumulation the weights stay the same for many observations, and change then: pauses that came to an
    end are healthy.
    """

    still: int = 0
    since: int | None = None
    longest: int = 0
    moves: int = 0

    def observe(self, *, moved: bool, step: int | None = None) -> None:
        """Take the next observation."""
        if not moved:
            self.still += 1
            self.since = step if self.still == 1 else self.since
            return
        self.longest = max(self.longest, self.still)
        self.still, self.moves = 0, self.moves + 1

    def exceeds(self, minimum: float, at_start: float, step: int | None = None) -> bool:
        """Return whether it is still for `minimum` observations and three times the longest pause.

        Before the second change, when no whole pause has been seen: for `at_start` steps, and so many observations as
        `minimum`; where no steps are known, for `at_start` observations.
        """
        if self.has_moved:
            return self.still >= max(minimum, 3.0 * self.longest)
        if step is None or self.since is None:
            return self.still >= at_start
        return self.still >= minimum and step - self.since + 1 >= at_start

    @property
    def has_moved(self) -> bool:
        """True once a whole pause has been seen, if only one of no length."""
        return self.moves >= 2

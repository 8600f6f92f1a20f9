"""Growth that does not level off, over minutes, hours and half a day."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from runvitals.stats.theil_sen import rises_and_falls, theil_sen

POINTS = 30
"""A scale looks at so many stretches of time."""

FALLS, RISES = 0.02, 0.7
"""Of all pairs of stretches so many may fall at most, and must rise at least: an allocator grows by steps."""

LEVELLING = 0.85
"""The last third must grow by so much of what the first third grew by: an exponential approach does not."""

CONSECUTIVE = 3
"""So many times in a row a scale must find growth."""


class Scale(msgspec.Struct):
    """The lowest values of the newest stretches of equal length: what a collector of garbage always comes back to.

    `record` is the highest of those before: what was there already, and was given back, is no leak. `is_confirmed`:
    growth was found several times in a row.
    """

    seconds_each: float
    start: float | None = None
    newest: float = 0.0
    lowest: float = 0.0
    times: list[float] = []
    floors: list[float] = []
    record: float = 0.0
    streak: int = 0
    is_confirmed: bool = False

    def observe(self, time: float, value: float) -> bool:
        """Take a value; return whether a stretch has ended with it, and is to be settled."""
        has_ended = self.start is not None and time - self.start >= self.seconds_each
        if has_ended:
            self._take()
        if self.start is None or has_ended or time < self.start:
            self.start, self.newest, self.lowest = time, time, value
        else:
            self.newest, self.lowest = max(self.newest, time), min(self.lowest, value)
        return has_ended

    def settle(self) -> None:
        """Judge the newest stretch; growth that was confirmed stays so until it pauses for a third of the window."""
        if self.is_confirmed:
            self.is_confirmed = self.is_full and self.floors[-1] > self.floors[2 * POINTS // 3]
            return
        self.streak = self.streak + 1 if self.is_growing else 0
        self.is_confirmed = self.streak >= CONSECUTIVE

    def _take(self) -> None:
        longest_gap = max(10.0 * self.seconds_each, 900.0)
        if self.times and not 0.0 < self.newest - self.times[-1] <= longest_gap:
            self.times, self.floors = [], []
        self.times.append(self.newest)
        self.floors.append(self.lowest)
        if len(self.floors) > POINTS:
            self.record = max(self.record, self.floors.pop(0))
            self.times.pop(0)

    @property
    def is_full(self) -> bool:
        """True where there are enough stretches to judge."""
        return len(self.floors) >= POINTS

    @property
    def is_growing(self) -> bool:
        """True where the floors rise to a new record, from stretch to stretch, in the last third as in the first."""
        if not self.is_full or self.floors[-1] <= max(self.floors[0], self.record):
            return False
        marks = [self.floors[place] for place in (0, POINTS // 3, 2 * POINTS // 3, POINTS - 1)]
        first, middle, last = (later - earlier for earlier, later in pairwise(marks))
        if last < LEVELLING * first or min(first, middle, last) < (marks[-1] - marks[0]) / 6.0:
            return False
        rises, falls = rises_and_falls(self.floors)
        return rises >= RISES and falls <= FALLS

    @property
    def growth(self) -> float:
        """By how much the floor is higher than at the beginning."""
        return self.floors[-1] - self.floors[0] if self.floors else 0.0

    @property
    def seconds(self) -> float:
        """How long the stretches reach back."""
        return self.times[-1] - self.times[0] if self.times else 0.0

    @property
    def slope(self) -> float:
        """Growth in a second; 0 while unknown."""
        return theil_sen(self.times, self.floors) or 0.0

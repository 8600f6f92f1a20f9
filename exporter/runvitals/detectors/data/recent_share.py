"""A share of the newest values against those before them."""

from __future__ import annotations

import msgspec

from runvitals.stats.rolling_window import RollingWindow

RECENT = 8
WINDOW = 256
MINIMUM = 64


class RecentShare(msgspec.Struct):
    """The mean of the last 8 values, and the window of those before.

    While the share is up, what leaves the 8 is withheld from the window, so that it does not become usual; after a
    whole window the new level is accepted.
    """

    recent: list[float] = []
    window: RollingWindow = msgspec.field(default_factory=lambda: RollingWindow(WINDOW))
    withheld: int = 0

    def observe(self, value: float) -> None:
        """Take the next share, in 0..1."""
        self.recent = [*self.recent, value]
        if len(self.recent) <= RECENT:
            return
        oldest, *self.recent = self.recent
        if not self.withheld:
            self.window.push(oldest)

    def is_up(self, sigmas: float, rise: float) -> bool | None:
        """Return whether the mean is so many standard deviations and `rise` above the window's; None while unknown."""
        mean, deviation = self.window.mean, self.window.stddev
        if len(self.window) < MINIMUM or mean is None or deviation is None:
            return None
        is_up = self.mean > mean + max(sigmas * deviation, rise)
        self.withheld = self.withheld + 1 if is_up else 0
        if self.withheld > WINDOW:
            self.window.clear()
            self.withheld = 0
        return is_up

    @property
    def mean(self) -> float:
        """Mean of the newest values."""
        return sum(self.recent) / len(self.recent)

    @property
    def usual(self) -> float:
        """Mean of those before."""
        return self.window.mean or 0.0

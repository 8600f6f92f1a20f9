"""A signal's newest minutes beside its own past, by the clock of its samples."""

from __future__ import annotations

import msgspec

from runvitals.stats import order
from runvitals.stats.rolling_window import RollingWindow
from runvitals.stats.time_block import Stretch, TimeBlock

LONGEST_GAP = 900.0
"""After so many seconds without a value, and a stretch more, the newest stretches are no longer neighbours."""


class Course(msgspec.Struct):
    """The levels of the newest `keep` stretches of time, and those of up to `size` (groups of `group`) before them.

    A level is the midmean of a stretch. What is in the newest stretches is not in the past yet: an excursion is never
    compared with itself. While one lasts (`settle`), its stretches are withheld from the past; after as many as the
    past holds, the past begins anew, since what has been so long is usual.
    """

    block: TimeBlock
    past: RollingWindow
    keep: int
    group: int = 1
    recent: list[float] = []
    leaving: list[float] = []
    tainted: int = 0
    withheld: int = 0
    end: float | None = None
    segment: int = 0

    @classmethod
    def of(cls, *, seconds: float, keep: int, size: int, values: int = 1, group: int = 1) -> Course:
        """Return an empty one of stretches of `seconds` and at least `values` values each."""
        return cls(TimeBlock(seconds, values), RollingWindow(size), keep, group)

    def follow(self, segment: int) -> None:
        """Begin anew where the series has begun a new segment."""
        if segment != self.segment:
            self.segment = segment
            self.clear()

    def observe(self, time: float, value: float) -> Stretch | None:
        """Take a finite value, 0 or more; return the stretch that it ends, whose level is then the last of `recent`."""
        stretch = self.block.observe(time, value)
        if stretch is not None:
            self._take(stretch)
        return stretch

    def settle(self, *, fired: bool) -> bool:
        """Say whether the newest stretches are an excursion; return whether it has become usual."""
        if not fired:
            self.withheld = 0
            return False
        self.tainted = len(self.recent)
        self.withheld += 1
        if self.withheld <= self.past.size * self.group:
            return False
        self.clear()
        return True

    def clear(self) -> None:
        """Forget everything."""
        self.block.clear()
        self.past.clear()
        self.recent, self.leaving = [], []
        self.tainted = self.withheld = 0
        self.end = None

    @property
    def is_full(self) -> bool:
        """True where there are `keep` newest stretches."""
        return len(self.recent) >= self.keep

    def _take(self, stretch: Stretch) -> None:
        seconds = self.block.seconds
        if self.end is not None and not -seconds <= stretch.start - self.end <= LONGEST_GAP + seconds:
            self.recent, self.tainted = [], 0
        self.end = stretch.end
        self.recent.append(stretch.midmean)
        if len(self.recent) > self.keep:
            self._leave(self.recent.pop(0))

    def _leave(self, level: float) -> None:
        if self.tainted:
            self.tainted -= 1
            return
        self.leaving.append(level)
        if len(self.leaving) >= self.group:
            self.past.push(order.median(sorted(self.leaving)))
            self.leaving = []

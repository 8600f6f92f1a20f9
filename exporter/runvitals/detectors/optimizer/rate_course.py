"""How the learning rate has gone."""

from __future__ import annotations

from math import isclose, log10

import msgspec

MANY = 3


class RateCourse(msgspec.Struct):
    """The learning rate now, for how long it has been so, the highest it was, and whence it came to 0.

    `base` is the highest at which it stayed for `settled` values. `before_raise` is what it was before it was raised
    far above: at once, above the highest of at least `settled` values, or gradually, above its base.
    """

    newest: float = 0.0
    same: int = 0
    count: int = 0
    highest: float = 0.0
    smallest: float = 0.0
    different: int = 0
    base: float = 0.0
    before_raise: float | None = None

    def observe(self, rate: float, raised: float, settled: float) -> None:
        """Take the next rate, from 0; `raised` times the highest is far above it."""
        is_same = self.count > 0 and rate == self.newest
        self.same = self.same + 1 if is_same else 1
        self.different = min(self.different + (not is_same), MANY)
        self._compare(rate, raised, settled)
        self.count += 1
        self.newest, self.highest = rate, max(self.highest, rate)
        if rate > 0.0:
            self.smallest = min(self.smallest or rate, rate)

    def _compare(self, rate: float, raised: float, settled: float) -> None:
        if self.before_raise is not None:
            if rate <= raised * self.before_raise:
                self.before_raise = None
        elif self.count >= settled and rate > raised * self.highest > 0.0:
            self.before_raise = self.highest
        elif rate > raised * self.base > 0.0:
            self.before_raise = self.base
        elif self.same >= settled:
            self.base = max(self.base, rate)

    @property
    def may_be_rounded(self) -> bool:
        """True where a 0 may be what a logger made of a small rate: it came down in units of a decimal place."""
        if self.newest > 0.0 or not self.smallest or self.different < MANY:
            return False
        place = log10(self.smallest)
        return isclose(place, round(place), abs_tol=1e-9)

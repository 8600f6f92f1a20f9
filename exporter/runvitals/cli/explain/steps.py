"""Which steps a recording has."""

from __future__ import annotations

import msgspec


class Steps(msgspec.Struct):
    """The first and last step that came, and the nearest to the one asked for; `without` counts values with none."""

    asked: int
    count: int = 0
    without: int = 0
    first: int | None = None
    last: int | None = None
    below: int | None = None
    above: int | None = None

    def note(self, step: int | None) -> None:
        """Take the step of a value."""
        if step is None:
            self.without += 1
            return
        self.count += 1
        self.first = step if self.first is None else self.first
        self.last = step
        if step <= self.asked:
            self.below = step if self.below is None else max(step, self.below)
        if step >= self.asked:
            self.above = step if self.above is None else min(step, self.above)

    def sentence(self) -> str:
        """Return which steps there are."""
        nearest = " and ".join(str(one) for one in (self.below, self.above) if one is not None)
        return f"the first is {self.first}, the last {self.last}, the nearest {nearest}"

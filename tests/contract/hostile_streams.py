"""Hostile rows: what no run should show, and some do."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from runvitals.values import Sample
from tests.contract.anomalies import ROWS, START, Row, Story, samples

_DAY = 86_400.0


def _values(*values: float) -> Callable[[Row, int], Row]:
    """These, one after the other, in the place of every value."""
    return lambda row, at: dict.fromkeys(row, values[at % len(values)])


def _factors(*factors: float) -> Callable[[Row, int], Row]:
    return lambda row, at: {place: value * factors[at % len(factors)] for place, value in row.items()}


def _as_it_was(row: Row, _: int) -> Row:
    return row


VALUES: dict[str, Callable[[Row, int], Row]] = {
    "nan": _values(math.nan),
    "infinity": _values(math.inf),
    "negative infinity": _values(-math.inf),
    "1e308": _values(1e308),
    "denormals": _values(5e-324, 1e-310),
    "constant": _as_it_was,
    "alternating": _factors(0.5, 2.0),
    "steps that go back": _as_it_was,
    "times that go back": _as_it_was,
    "gaps of days": _as_it_was,
}
"""By kind, the values of a hostile row, made of those of a healthy one and its number."""


class Log:
    """The samples of a run, row by row: its clock, its steps, and its noise."""

    def __init__(self, story: Story, seed: int = 1) -> None:
        self.story, self.rng = story, random.Random(seed)
        self.time, self.step, self.row = START, 0, 0

    def healthy(self, rows: int) -> Iterator[Sample]:
        """Rows of a healthy run."""
        for _ in range(rows):
            yield from self._emit(self.story.usual(self.row, self.rng))

    def hostile(self, kind: str) -> Iterator[Sample]:
        """Rows of a hostile kind, and as many of the run's own for an empty one."""
        first = self.story.usual(self.row, self.rng)
        for at in range(ROWS):
            if kind == "gaps of days":
                self.time += 3.0 * _DAY
            usual = first if kind == "constant" else self.story.usual(self.row, self.rng)
            row = VALUES.get(kind, _as_it_was)(usual, at)
            back = kind == "steps that go back" and at % 2
            earlier = 2.5 * self.story.seconds if kind == "times that go back" and at % 2 else 0.0
            yield from self._emit(row, back=7 if back else 0, earlier=earlier)

    def anomaly(self) -> Iterator[list[Sample]]:
        """What the detector must see, row by row."""
        self.step -= self.story.back
        for row in range(self.story.wrong):
            yield list(self._emit(self.story.anomaly(row, self.rng)))

    def _emit(self, row: Row, *, back: int = 0, earlier: float = 0.0) -> Iterator[Sample]:
        self.time += self.story.seconds
        self.step += 1
        self.row += 1
        yield from samples(row, self.time - earlier, self.step - back)

"""What gauges were last, so that a change of one (`queue:+1|g`) can be added to it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable

FORGET_SECONDS = 600.0
"""A full memory gives up a gauge only after so long without a value: a forgotten one would go on from 0."""


class GaugeMemory:
    """The newest finite value of at most `capacity` gauges, the least recently seen given up first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def put(self, key: Hashable, value: float, time: float) -> bool:
        """Remember `value`, seen at `time` seconds, if it is finite; False where the memory is full."""
        if not math.isfinite(value):
            return True
        if key not in self._values and not self._make_room(time):
            return False
        self._values[key] = (value, time)
        self._values.move_to_end(key)
        return True

    def add(self, key: Hashable, change: float, time: float) -> float | None:
        """Return the gauge after `change`, from 0 if never seen as StatsD has it; None where the memory is full."""
        value = self._values.get(key, (0.0, time))[0] + change
        return value if self.put(key, value, time) else None

    def _make_room(self, time: float) -> bool:
        if len(self._values) < self._capacity:
            return True
        oldest, (_, seen) = next(iter(self._values.items()))
        if time - seen < FORGET_SECONDS:
            return False
        del self._values[oldest]
        return True

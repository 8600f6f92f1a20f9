"""From numbers to heights: linear, or logarithmic where positive values span more than two decades."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import NamedTuple

_LOG_SPAN = 100.0
_LARGEST = 1e300  # what is larger stands at the edge: differences must not overflow
_TICKS = 4


class Axis(NamedTuple):
    """A range of numbers that is drawn; of logarithms where `is_log`."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return where a value stands, 0 at the lower and 1 at the upper end; what lies outside stands at the end."""
        place = (log10(value) if value > 0.0 else self.low) if self.is_log else value
        # Halves: the range of two huge numbers would overflow.
        part = (place / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)
        return min(max(part, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return round numbers within the range."""
        if self.is_log:
            step = max(1, ceil((self.high - self.low) / _TICKS))
            return [10.0**power for power in range(ceil(self.low), floor(self.high) + 1, step)]
        span = min(self.high - self.low, _LARGEST)
        step_size = _round_step(span / _TICKS)
        first = ceil(self.low / step_size)
        return [count * step_size for count in range(first, first + _TICKS * 2) if count * step_size <= self.high]


def axis_of(low: float, high: float) -> Axis:
    """Return the axis for values from `low` to `high`."""
    low, high = _bounded(low), _bounded(high)
    if low > 0.0 and high / low > _LOG_SPAN:
        return Axis(log10(low), log10(high), is_log=True)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return Axis(low - room, high + room)
    return Axis(low, high)


def _bounded(value: float) -> float:
    return min(max(value, -_LARGEST), _LARGEST)


def _round_step(size: float) -> float:
    power = 10.0 ** floor(log10(size)) if size > 1e-300 else 1e-300
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0, 20.0) if factor * power >= size)

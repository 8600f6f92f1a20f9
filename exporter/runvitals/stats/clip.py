"""Two numbers compared, and one kept within bounds: what `min` and `max` do, at a quarter of their cost."""

from __future__ import annotations


def larger(one: float, other: float) -> float:
    """Return the larger of two numbers."""
    return other if other > one else one


def clip(value: float, low: float, high: float) -> float:
    """Return the value, at least `low` and at most `high`."""
    if value < low:
        return low
    return high if value > high else value

"""The standard normal distribution."""

from __future__ import annotations

from math import erfc, sqrt

_SQRT2 = sqrt(2.0)


def upper_tail(z: float) -> float:
    """Return Q(z), the probability that a standard normal value exceeds `z` (0..1; exact far into the tail)."""
    return 0.5 * erfc(z / _SQRT2)

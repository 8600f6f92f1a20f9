"""Where the middle of a window lies and how wide it is, whatever a quarter of its values may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

_NORMAL_QUARTILES = 1.0 / 1.349  # standard deviations of normal values in their interquartile range
_NORMAL_WIDE = 1.0 / 4.0  # the same for the range between the outer 2.5 %, roughly
_DIGITS = 1e-14  # of a large level: less is rounding, not spread


class Quartiles(NamedTuple):
    """The three values that cut sorted ones into quarters."""

    low: float
    middle: float
    high: float


def quartiles(ordered: Sequence[float]) -> Quartiles:
    """Return the quartiles of sorted values, each one of them."""
    n = len(ordered)
    return Quartiles(ordered[n // 4], ordered[n // 2], ordered[n - 1 - n // 4])


def middle_and_scale(
    ordered: Sequence[float], edges: Quartiles, transform: Callable[[float], float] | None
) -> tuple[float, float]:
    """Return median and robust standard deviation of sorted values under a monotone transform; scale 0: no spread.

    `edges` are their quartiles.

    A monotone transform keeps the order, so that only the order statistics need it. Where the quartiles are equal
    (rounded values) the outer 2.5 % stand in for them.
    """
    low, middle, high = edges
    share = _NORMAL_QUARTILES
    if low == high:
        n = len(ordered)
        low, high, share = ordered[n // 40], ordered[n - 1 - n // 40], _NORMAL_WIDE
    if transform is not None:
        low, middle, high = transform(low), transform(middle), transform(high)
    scale = (high - low) * share
    return middle, scale if scale > _DIGITS * abs(middle) else 0.0

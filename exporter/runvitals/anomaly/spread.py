"""Where the middle of a window lies and how wide it is, whatever a quarter of its values may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_NORMAL_QUARTILES = 1.0 / 1.349  # standard deviations of normal values in their interquartile range
_NORMAL_WIDE = 1.0 / 4.0  # the same for the range between the outer 2.5 %, roughly
_DIGITS = 1e-14  # of a large level: less is rounding, not spread


def middle_and_scale(ordered: Sequence[float], transform: Callable[[float], float] | None) -> tuple[float, float]:
    """Return median and robust standard deviation of sorted values under a monotone transform; scale 0: no spread.

    A monotone transform keeps the order, so that only the order statistics need it. Where the quartiles are equal
    (rounded values) the outer 2.5 % stand in for them.
    """
    n = len(ordered)
    low, middle, high = ordered[n // 4], ordered[n // 2], ordered[n - 1 - n // 4]
    share = _NORMAL_QUARTILES
    if low == high:
        edge = n // 40
        low, high, share = ordered[edge], ordered[n - 1 - edge], _NORMAL_WIDE
    if transform is not None:
        low, middle, high = transform(low), transform(middle), transform(high)
    scale = (high - low) * share
    return middle, scale if scale > _DIGITS * abs(middle) else 0.0

"""Order statistics of values that are already sorted: median, quantile, median absolute deviation, smallest gap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import isinf


def midpoint(low: float, high: float) -> float:
    """Return the mean of two numbers; finite wherever both are."""
    mean = (low + high) / 2.0
    return low / 2.0 + high / 2.0 if isinf(mean) else mean


def median(ordered: Sequence[float]) -> float:
    """Return the median of n >= 1 sorted values."""
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return midpoint(ordered[middle - 1], ordered[middle])


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile of n >= 1 sorted values, linear between neighbours (numpy's default); `share` in 0..1."""
    place = share * (len(ordered) - 1)
    below = int(place)
    low = ordered[below]
    if below + 1 == len(ordered):
        return low
    part = place - below
    return low * (1.0 - part) + ordered[below + 1] * part


def median_absolute_deviation(ordered: Sequence[float], center: float) -> float:
    """Return the median of |value - center| for n >= 1 sorted values, in O(log n) from `center`, their median.

    Left and right of the centre the deviations are sorted already, so the middle one is found by bisecting how many
    of the smaller half lie on the left.
    """
    n = len(ordered)
    split = bisect_left(ordered, center)
    half = (n + 1) // 2
    low, high = max(0, half - (n - split)), min(half, split)
    while low < high:
        left = (low + high) // 2
        if center - ordered[split - 1 - left] < ordered[split + half - left - 1] - center:
            low = left + 1
        else:
            high = left
    right = half - low
    largest_within = max(
        center - ordered[split - low] if low else 0.0,
        ordered[split + right - 1] - center if right else 0.0,
    )
    if n % 2:
        return largest_within
    beyond_left = center - ordered[split - low - 1] if low < split else float("inf")
    beyond_right = ordered[split + right] - center if split + right < n else float("inf")
    return midpoint(largest_within, min(beyond_left, beyond_right))


def smallest_gap(ordered: Sequence[float]) -> float:
    """Return the smallest distance between two different sorted values; 0 where all are equal.

    For values that were rounded this is the rounding step.
    """
    gap = float("inf")
    place = bisect_right(ordered, ordered[0])
    while place < len(ordered):
        gap = min(gap, ordered[place] - ordered[place - 1])
        place = bisect_right(ordered, ordered[place], place)
    return 0.0 if isinf(gap) else gap

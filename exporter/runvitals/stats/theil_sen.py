"""Slope of a few points that outliers do not move, and whether they rise together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from runvitals.stats import order


def theil_sen(times: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the median slope of all pairs of points (Theil 1950, Sen 1968); None without two different times.

    O(n²): for a few dozen points.
    """
    slopes = sorted(
        (values[late] - values[early]) / (times[late] - times[early])
        for early, late in combinations(range(len(times)), 2)
        if times[late] > times[early]
    )
    return order.median(slopes) if slopes else None


def rises_and_falls(values: Sequence[float]) -> tuple[float, float]:
    """Return the shares of all pairs in which the later value is larger, and smaller (Kendall 1938); 0 for no pairs."""
    pairs = len(values) * (len(values) - 1) // 2
    if not pairs:
        return 0.0, 0.0
    rises = sum(early < late for early, late in combinations(values, 2))
    falls = sum(early > late for early, late in combinations(values, 2))
    return rises / pairs, falls / pairs

"""The straight line through equally spaced values, and how surely it rises or falls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

FEWEST = 4


class Trend(NamedTuple):
    """`change` of the fitted line from the first value to the last, its standard `error`, and the `spread` around it.

    All are in the unit of the values; `spread` is the standard deviation of the residuals.
    """

    change: float
    error: float
    spread: float


def linear_trend(values: Sequence[float]) -> Trend:
    """Fit a line by least squares.

    Where neighbouring residuals are alike, the error is widened as for a first-order autoregression: by the root of
    (1 + r) / (1 - r), r being their correlation (e.g. Santer et al., J. Geophys. Res. 105, 2000). Raises ValueError for
    fewer than four values.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"a trend needs at least {FEWEST} values, not {count}")
    middle, mean = (count - 1) / 2.0, sum(values) / count
    places = (count * count - 1) * count / 12.0
    slope = sum((place - middle) * value for place, value in enumerate(values)) / places
    residuals = [value - mean - slope * (place - middle) for place, value in enumerate(values)]
    squares = sum(one * one for one in residuals)
    spread = sqrt(squares / (count - 2))
    widened = _widening(residuals, squares) * spread
    return Trend(slope * (count - 1), widened * (count - 1) / sqrt(places), spread)


def _widening(residuals: list[float], squares: float) -> float:
    if not squares:
        return 1.0
    likeness = sum(one * other for one, other in pairwise(residuals)) / squares
    likeness = min(max(likeness, 0.0), 0.9)
    return sqrt((1.0 + likeness) / (1.0 - likeness))

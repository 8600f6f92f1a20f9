"""Whether probabilities come true: bins, expected calibration error, Brier score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FEWEST = 200


class Bin(NamedTuple):
    """Steps given a probability above `low` and up to `high`: how many steps, what they were given, what came."""

    low: float
    high: float
    steps: int
    forecast: float
    observed: float


def reliability(probabilities: Floats, followed: NDArray[np.bool_]) -> list[Bin]:
    """Return the bins; one with fewer than 200 steps joins the next."""
    bins, low = [], EDGES[0]
    for high in EDGES[1:]:
        inside = (probabilities > low) & (probabilities <= high)
        if inside.sum() >= FEWEST or (high == EDGES[-1] and inside.any()):
            bins.append(Bin(low, high, int(inside.sum()), probabilities[inside].mean(), followed[inside].mean()))
            low = high
    return bins


def expected_calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance of forecast and observed, weighted by steps; NaN without any."""
    total = sum(one.steps for one in bins)
    return sum(one.steps * abs(one.forecast - one.observed) for one in bins) / total if total else float("nan")


def brier_score(probabilities: Floats, followed: NDArray[np.bool_]) -> float:
    """Return the mean squared distance of probability and outcome."""
    return float(np.mean((probabilities - followed) ** 2))


def brier_skill(probabilities: Floats, followed: NDArray[np.bool_]) -> float:
    """Return by what share the Brier score is below that of always saying the base rate."""
    rate = followed.mean()
    return 1.0 - brier_score(probabilities, followed) / float(rate * (1.0 - rate))

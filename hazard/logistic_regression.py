"""Logistic regression by Newton's method (iteratively reweighted least squares) with a ridge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fit_logistic(features: Floats, outcomes: NDArray[np.bool_], ridge: float = 3.0) -> tuple[float, Floats]:
    """Return intercept and weights for `features` (n, k) as they are and `outcomes` (n,).

    The ridge is on the weights of standardised features, so that their units do not matter.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-12
    design = np.column_stack([np.ones(len(features)), (features - mean) / deviation])
    weights = _newton(design, outcomes.astype(np.float64), ridge)
    slopes = weights[1:] / deviation
    return float(weights[0] - slopes @ mean), slopes


def _newton(design: Floats, outcomes: Floats, ridge: float, most_steps: int = 50) -> Floats:
    penalty = ridge * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(most_steps):
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30.0, 30.0)))
        gradient = design.T @ (outcomes - probabilities) - penalty @ weights
        curvature = (design * (probabilities * (1.0 - probabilities))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            return weights
    raise RuntimeError(f"no convergence after {most_steps} steps")

"""Linear regression by mini-batches: the plainest run that diverges, and the slowest."""

from __future__ import annotations

import numpy as np

from hazard.tasks.task import Batch, Floats, dtype_of


class LinearRegression:
    """Squared error of a linear fit whose inputs have a spectrum of scales; a constant target offset."""

    def __init__(self, seed: int, precision: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        self._dtype = dtype_of(precision)
        self._width = int(rng.integers(4, 40))
        self._spread = (1.0 + np.arange(self._width)) ** -rng.uniform(0.2, 1.0)
        self._truth = rng.normal(size=self._width)
        self._noise = rng.uniform(0.05, 1.0)
        self.weights: Floats = rng.normal(0.0, rng.uniform(0.1, 2.0), self._width).astype(np.float32)

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return inputs (B, width) and targets (B,)."""
        inputs = rng.normal(size=(size, self._width)) * self._spread
        targets = inputs @ self._truth + self._noise * rng.normal(size=size)
        return inputs.astype(np.float32), targets.astype(np.float32)

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the mean squared error over 2 and its gradient."""
        inputs, targets = (part.astype(self._dtype) for part in batch)
        error = inputs @ self.weights.astype(self._dtype) - targets
        loss = float(np.vdot(error, error)) / (2 * len(error))
        return loss, inputs.T @ (error * self._dtype(scale / len(error)))

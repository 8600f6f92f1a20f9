"""An Elman network trained through time: gradients that explode by themselves, not by the learning rate alone."""

from __future__ import annotations

import numpy as np

from hazard.tasks.task import Batch, Floats, dtype_of, size_of, views


class Recurrent:
    """Says at the end of a sequence what stood in it: the sum of two marked numbers (Hochreiter's adding problem)."""

    def __init__(self, seed: int, precision: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        self._dtype = dtype_of(precision)
        self._length, hidden = int(rng.integers(5, 14)), int(rng.integers(8, 24))
        self._is_linear = bool(rng.random() < 0.4)
        self._shapes = [(2, hidden), (hidden, hidden), (hidden,), (hidden,)]
        radius = rng.uniform(0.7, 1.15)
        parts = [
            rng.normal(0, 0.7, (2, hidden)),
            rng.normal(0, radius / np.sqrt(hidden), (hidden, hidden)),
            np.zeros(hidden),
            rng.normal(0, 1 / np.sqrt(hidden), hidden),
        ]
        self.weights: Floats = np.concatenate([part.ravel() for part in parts]).astype(np.float32)

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return sequences (B, T, 2) of numbers and marks, and the sums (B,)."""
        inputs = np.zeros((size, self._length, 2), np.float32)
        inputs[:, :, 0] = rng.uniform(-1, 1, (size, self._length))
        half = self._length // 2
        rows = np.arange(size)
        inputs[rows, rng.integers(0, half, size), 1] = 1
        inputs[rows, rng.integers(half, self._length, size), 1] = 1
        return inputs, (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1)

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return half the mean squared error and its gradient through all steps of the sequence."""
        inputs, targets = (part.astype(self._dtype) for part in batch)
        inward, across, bias, outward = views(self.weights.astype(self._dtype), self._shapes)
        states = self._run(inputs, inward, across, bias)
        error = states[-1] @ outward - targets
        loss = float(np.vdot(error, error)) / (2 * len(error))
        error = error * self._dtype(scale / len(error))
        gradient = np.zeros(size_of(self._shapes), self._dtype)
        into = views(gradient, self._shapes)
        into[3][:] = states[-1].T @ error
        slope = error[:, None] * outward
        for time in range(self._length - 1, -1, -1):
            if not self._is_linear:
                slope = slope * (1 - states[time + 1] * states[time + 1])
            into[0][:] += inputs[:, time].T @ slope
            into[1][:] += states[time].T @ slope
            into[2][:] += slope.sum(axis=0)
            slope = slope @ across.T
        return loss, gradient

    def _run(self, inputs: Floats, inward: Floats, across: Floats, bias: Floats) -> list[Floats]:
        states = [np.zeros((len(inputs), len(bias)), self._dtype)]
        for time in range(self._length):
            value = inputs[:, time] @ inward + states[-1] @ across + bias
            states.append(value if self._is_linear else np.tanh(value))
        return states

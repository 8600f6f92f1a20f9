"""Values learned by bootstrapping: the targets are the network's own, so that it may diverge slowly at any rate."""

from __future__ import annotations

import numpy as np

from hazard.tasks.perceptron import Layers, squared_error
from hazard.tasks.task import Batch, Floats, dtype_of


class ValueLearning:
    """Off-policy temporal differences, semi-gradient: reward + discount * value of the next state is the target.

    With targets of the same network and states not drawn from the policy this diverges for some tasks and not for
    others (the deadly triad, Sutton and Barto 2018, chapter 11); here the seed decides.
    """

    def __init__(self, seed: int, precision: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        self._dtype = dtype_of(precision)
        self._width = int(rng.integers(3, 12))
        hidden = [int(rng.integers(8, 32))] * int(rng.integers(0, 3))
        self._layers = Layers([self._width, *hidden, 1], str(rng.choice(["relu", "tanh"])))
        self._discount = rng.uniform(0.8, 0.99)
        radius = rng.uniform(0.6, 1.25)
        self._move = radius * np.linalg.qr(rng.normal(size=(self._width, self._width)))[0]
        self._reward = rng.normal(size=self._width)
        self.weights: Floats = self._layers.initial(rng, 1.0)

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return states (B, width), the states after them, and rewards (B, 1)."""
        states = rng.normal(size=(size, self._width))
        after = states @ self._move + 0.1 * rng.normal(size=states.shape)
        reward = np.tanh(states @ self._reward)[:, None] + 0.1 * rng.normal(size=(size, 1))
        return states.astype(np.float32), after.astype(np.float32), reward.astype(np.float32)

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return half the mean squared temporal difference, and its gradient with the targets held fixed."""
        states, after, reward = (part.astype(self._dtype) for part in batch)
        weights = self.weights.astype(self._dtype)
        targets = reward + self._dtype(self._discount) * self._layers.forward(weights, after)[-1]
        values = self._layers.forward(weights, states)
        loss, slope = squared_error(values[-1], targets)
        return loss, self._layers.backward(weights, values, slope * self._dtype(scale))

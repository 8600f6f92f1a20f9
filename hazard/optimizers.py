"""Optimizers over one flat weight vector, by the formulas of torch.optim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from hazard.tasks.task import Floats


class Optimizer(Protocol):
    """Changes the weights in place by one step."""

    def step(self, weights: Floats, gradient: Floats, rate: float) -> None:
        """Take a step at this learning rate."""


class Sgd:
    """Stochastic gradient descent, with momentum (0: without)."""

    def __init__(self, momentum: float = 0.0) -> None:
        self._momentum = momentum
        self._velocity: Floats | None = None

    def step(self, weights: Floats, gradient: Floats, rate: float) -> None:
        """Take a step at this learning rate."""
        if self._momentum:
            if self._velocity is None:
                self._velocity = np.zeros_like(gradient)
            self._velocity *= self._momentum
            self._velocity += gradient
            gradient = self._velocity
        weights -= (rate * gradient).astype(weights.dtype)


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    def __init__(self, decay: float = 0.01, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self._decay, self._beta1, self._beta2, self._epsilon = decay, beta1, beta2, epsilon
        self._first: Floats | None = None
        self._second: Floats | None = None
        self._steps = 0

    def step(self, weights: Floats, gradient: Floats, rate: float) -> None:
        """Take a step at this learning rate."""
        if self._first is None or self._second is None:
            self._first, self._second = np.zeros_like(gradient), np.zeros_like(gradient)
        self._steps += 1
        self._first += (1 - self._beta1) * (gradient - self._first)
        self._second += (1 - self._beta2) * (gradient * gradient - self._second)
        first = self._first / (1 - self._beta1**self._steps)
        second = self._second / (1 - self._beta2**self._steps)
        weights *= weights.dtype.type(1 - rate * self._decay)
        weights -= (rate * first / (np.sqrt(second) + self._epsilon)).astype(weights.dtype)


OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = {
    "sgd": Sgd,
    "momentum": lambda: Sgd(0.9),
    "adamw": AdamW,
    "adamw_long": lambda: AdamW(beta2=0.95, decay=0.1),
}

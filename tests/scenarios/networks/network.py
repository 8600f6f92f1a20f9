"""What a network shows to the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from hazard.tasks.task import Batch, Floats

SATURATED_INPUT = 5.0
"""Beyond this input the derivative of tanh and of the sigmoid is nearly 0."""


class Network(Protocol):
    """A network with its data.

    `weights` is one flat vector that the trainer changes in place, `layers` where each layer's part of it lies.
    """

    weights: Floats
    layers: Mapping[str, slice]

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return a batch of `size` examples: inputs first, targets last."""

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the batch's loss, and the gradient of `scale` times the loss, flat."""

    def outputs(self) -> Floats:
        """Return what came out for the newest batch (B, n)."""

    def activations(self) -> Mapping[str, Mapping[str, float]]:
        """Return, by layer, what the newest batch did inside: signals and their values."""

    def evaluate(self) -> dict[str, float]:
        """Return loss and, for classes, accuracy on held-back data."""


def accuracy(outputs: Floats, targets: np.ndarray) -> float | None:
    """Return the share of right answers; None where the targets are no classes."""
    if targets.dtype.kind != "i" or outputs.ndim != 2:
        return None
    return float((outputs.argmax(axis=1) == targets).mean())


def relu_vitals(outputs: Floats, unit_axis: int) -> dict[str, float]:
    """Return what a layer of rectified units tells; units lie along `unit_axis`, all other axes are examples."""
    units = np.moveaxis(outputs, unit_axis, -1).reshape(-1, outputs.shape[unit_axis])
    return {
        "dead_units_ratio": float((units == 0).all(axis=0).mean()),
        "activation_mean": float(units.mean()),
        "activation_stddev": float(units.std()),
    }


def squashed_vitals(outputs: Floats, saturated: np.ndarray) -> dict[str, float]:
    """Return what a layer of tanh or sigmoid units tells."""
    return {
        "saturated_activations_ratio": float(saturated.mean()),
        "activation_mean": float(outputs.mean()),
        "activation_stddev": float(outputs.std()),
    }

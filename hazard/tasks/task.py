"""What a task is: weights in one flat vector, and the loss and gradient of a batch."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Batch = tuple[NDArray[Any], ...]


class Task(Protocol):
    """A network with its data.

    `weights` is one flat float32 vector; whoever trains changes it in place.
    """

    weights: Floats

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return a batch of `size` examples, inputs first."""

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the batch's loss, and the gradient of `scale` times the loss, flat, as the precision holds it."""


def views(flat: Floats, shapes: list[tuple[int, ...]]) -> list[Floats]:
    """Cut a flat vector into arrays of these shapes, without copying."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


def size_of(shapes: list[tuple[int, ...]]) -> int:
    """Return how many numbers arrays of these shapes hold."""
    return sum(int(np.prod(shape)) for shape in shapes)


def dtype_of(precision: str) -> type[np.floating]:
    """Return the type that forward and backward pass compute in; numpy has no bfloat16."""
    types: dict[str, type[np.floating]] = {"float64": np.float64, "float32": np.float32, "float16": np.float16}
    return types[precision]

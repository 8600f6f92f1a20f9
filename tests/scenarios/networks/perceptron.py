"""A fully connected network in numpy on what a random teacher says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hazard.tasks.perceptron import Layers, cross_entropy, squared_error
from hazard.tasks.task import Batch, Floats, dtype_of
from tests.scenarios.networks.network import SATURATED_INPUT, accuracy, relu_vitals, squashed_vitals

HELD_BACK = 256
LossFunction = Callable[[Floats, np.ndarray], tuple[float, Floats]]
"""From outputs and targets to the loss and its gradient with respect to the outputs."""

_EDGE = {"tanh": float(np.tanh(SATURATED_INPUT)), "sigmoid": float(np.tanh(SATURATED_INPUT / 2))}


class _Layers(Layers):
    """Layers that may be sigmoids too."""

    def _activate(self, value: Floats) -> Floats:
        return (1 + np.tanh(value / 2)) / 2 if self._activation == "sigmoid" else super()._activate(value)

    def _derivative(self, output: Floats) -> Floats:
        return output * (1 - output) if self._activation == "sigmoid" else super()._derivative(output)


class PerceptronNetwork:
    """`classes` of 0 is regression; with `pool` the data are so many examples only.

    `offset` and `spread` are those of the raw inputs; `gain` multiplies the initial weights' usual deviation;
    `label_noise` is the share of labels that say nothing; `loss` takes the place of the cross-entropy.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        inputs: int = 16,
        width: int = 32,
        depth: int = 2,
        classes: int = 6,
        activation: str = "relu",
        gain: float = 1.0,
        noise: float = 0.3,
        label_noise: float = 0.0,
        offset: float = 0.0,
        spread: float = 1.0,
        pool: int = 0,
        precision: str = "float32",
        loss: LossFunction | None = None,
    ) -> None:
        self._dtype = dtype_of(precision)
        self._inputs, self._classes, self._noise, self._label_noise = inputs, classes, noise, label_noise
        self._offset, self._spread = offset, spread
        self._activation, self._function = activation, loss or (cross_entropy if classes else squared_error)
        outputs = classes or 3
        self._layers = _Layers([inputs, *[width] * depth, outputs], activation)
        self._teacher = Layers([inputs, 8, outputs], "tanh")
        self._truth = self._teacher.initial(rng, 1.5)
        self.weights: Floats = self._layers.initial(rng, gain)
        self.layers = _places(self._layers)
        self._pool = self._fresh(rng, pool) if pool else None
        self._held_back = self._fresh(rng, HELD_BACK)
        self._values: list[Floats] = []

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return inputs (B, inputs) and targets: classes (B,), or numbers (B, 3)."""
        if self._pool is None:
            return self._fresh(rng, size)
        chosen = rng.integers(0, len(self._pool[0]), size)
        return tuple(part[chosen] for part in self._pool)

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the mean loss of the batch and its gradient."""
        weights = self.weights.astype(self._dtype)
        self._values = self._layers.forward(weights, batch[0].astype(self._dtype))
        loss, slope = self._function(self._values[-1], batch[-1])
        return loss, self._layers.backward(weights, self._values, slope * self._dtype(scale))

    def outputs(self) -> Floats:
        """Return the last layer's values."""
        return self._values[-1]

    def activations(self) -> dict[str, dict[str, float]]:
        """Return how many units are dead, or saturated, in each hidden layer."""
        hidden = zip(self.layers, self._values[1:-1], strict=False)
        return {layer: self._vitals(values) for layer, values in hidden}

    def evaluate(self) -> dict[str, float]:
        """Return loss and accuracy on data that are never trained on."""
        outputs = self._layers.forward(self.weights, self._held_back[0])[-1]
        right = accuracy(outputs, self._held_back[-1])
        loss = {"eval_loss": self._function(outputs, self._held_back[-1])[0]}
        return loss if right is None else {**loss, "eval_accuracy": right}

    def change_task(self, rng: np.random.Generator) -> None:
        """Learn something else from now on: another teacher."""
        self._truth = self._teacher.initial(rng, 1.5)
        self._held_back = self._fresh(rng, HELD_BACK)

    def _vitals(self, values: Floats) -> dict[str, float]:
        if self._activation == "relu":
            return relu_vitals(values, -1)
        centred = values if self._activation == "tanh" else 2 * values - 1
        return squashed_vitals(values, np.abs(centred) > _EDGE[self._activation])

    def _fresh(self, rng: np.random.Generator, size: int) -> Batch:
        unit = rng.normal(size=(size, self._inputs)).astype(np.float32)
        said = self._teacher.forward(self._truth, unit)[-1]
        said = said + self._noise * rng.normal(size=said.shape)
        inputs = (self._offset + self._spread * unit).astype(np.float32)
        if not self._classes:
            return inputs, said.astype(np.float32)
        labels = said.argmax(axis=1)
        guessed = rng.random(size) < self._label_noise
        labels[guessed] = rng.integers(0, self._classes, int(guessed.sum()))
        return inputs, labels


def _places(layers: Layers) -> dict[str, slice]:
    sizes = [int(np.prod(weight)) + int(np.prod(bias)) for weight, bias in zip(*[iter(layers.shapes)] * 2, strict=True)]
    ends = np.cumsum(sizes)
    return {
        f"layer{at}": slice(int(end) - size, int(end)) for at, (size, end) in enumerate(zip(sizes, ends, strict=True))
    }

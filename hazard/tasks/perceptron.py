"""A fully connected network on data of a random teacher, with the backward pass by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hazard.tasks.task import Batch, Floats, dtype_of, size_of, views


class Layers:
    """Fully connected layers over a flat weight vector: `relu` or `tanh` between them, linear at the end."""

    def __init__(self, sizes: list[int], activation: str) -> None:
        self.shapes: list[tuple[int, ...]] = []
        for inward, outward in pairwise(sizes):
            self.shapes += [(inward, outward), (outward,)]
        self.size = size_of(self.shapes)
        self._activation = activation

    def initial(self, rng: np.random.Generator, gain: float) -> Floats:
        """Draw weights with `gain` times the deviation of He et al. (2015); biases are 0."""
        parts = [
            rng.normal(0.0, gain * np.sqrt(2 / shape[0]), shape) if len(shape) == 2 else np.zeros(shape)
            for shape in self.shapes
        ]
        return np.concatenate([part.ravel() for part in parts]).astype(np.float32)

    def forward(self, weights: Floats, inputs: Floats) -> list[Floats]:
        """Return the inputs and what each layer puts out."""
        values, parts = [inputs], views(weights, self.shapes)
        for place in range(0, len(parts), 2):
            value = values[-1] @ parts[place] + parts[place + 1]
            values.append(self._activate(value) if place + 2 < len(parts) else value)
        return values

    def backward(self, weights: Floats, values: list[Floats], slope: Floats) -> Floats:
        """Return the flat gradient, given the loss's gradient with respect to the last output."""
        gradient = np.empty(self.size, slope.dtype)
        parts, into = views(weights, self.shapes), views(gradient, self.shapes)
        for place in range(len(parts) - 2, -1, -2):
            inputs = values[place // 2]
            np.matmul(inputs.T, slope, out=into[place])
            slope.sum(axis=0, out=into[place + 1])
            if place:
                slope = (slope @ parts[place].T) * self._derivative(inputs)
        return gradient

    def _activate(self, value: Floats) -> Floats:
        return np.tanh(value) if self._activation == "tanh" else np.maximum(value, 0)

    def _derivative(self, output: Floats) -> Floats:
        return 1 - output * output if self._activation == "tanh" else (output > 0).astype(output.dtype)


class Perceptron:
    """Regression (squared error) or classification (cross-entropy) of what a random teacher says."""

    def __init__(self, seed: int, precision: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        self._dtype = dtype_of(precision)
        self._inputs, self._outputs = int(rng.integers(4, 24)), int(rng.integers(2, 8))
        hidden = [int(rng.integers(8, 40))] * int(rng.integers(1, 4))
        self.is_regression = bool(rng.random() < 0.6)
        self._noise = rng.uniform(0.0, 0.5)
        self._layers = Layers([self._inputs, *hidden, self._outputs], str(rng.choice(["relu", "relu", "tanh"])))
        self._teacher = Layers([self._inputs, 8, self._outputs], "tanh")
        self._truth = self._teacher.initial(rng, 1.0)
        # A start above the usual scale gives the large first norms of many real runs.
        self.weights: Floats = self._layers.initial(rng, float(rng.choice([0.5, 1.0, 1.0, 2.0])))

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return inputs (B, inputs) and targets: (B, outputs), or classes (B,)."""
        inputs = rng.normal(size=(size, self._inputs)).astype(np.float32)
        said = self._teacher.forward(self._truth, inputs)[-1]
        said = said + self._noise * rng.normal(size=said.shape)
        return (inputs, said.astype(np.float32)) if self.is_regression else (inputs, said.argmax(axis=1))

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the mean loss of the batch and its gradient."""
        inputs, targets = batch
        weights = self.weights.astype(self._dtype)
        values = self._layers.forward(weights, inputs.astype(self._dtype))
        loss, slope = squared_error(values[-1], targets) if self.is_regression else cross_entropy(values[-1], targets)
        return loss, self._layers.backward(weights, values, slope * self._dtype(scale))


def squared_error(outputs: Floats, targets: Floats) -> tuple[float, Floats]:
    """Return half the mean squared error and its gradient with respect to the outputs (B, n)."""
    error = outputs - targets.astype(outputs.dtype)
    return float(np.vdot(error, error)) / (2 * len(error)), error / len(error)


def cross_entropy(logits: Floats, classes: Floats) -> tuple[float, Floats]:
    """Return the mean cross-entropy in nats and its gradient with respect to the logits (B, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(logits))
    loss = float((np.log(total[:, 0]) - shifted[rows, classes]).mean())
    slope = exponentials / total
    slope[rows, classes] -= 1
    return loss, slope / len(logits)

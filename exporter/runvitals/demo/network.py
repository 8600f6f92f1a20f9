"""A character-level network: the last characters in, a distribution over the next one out.

One hidden layer over the one-hot characters. Its rectifier leaks and has no upper bound: too high a learning rate
makes the gradients grow step by step until they overflow, where a tanh would only saturate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Indices = NDArray[np.int64]
Parameters = dict[str, Floats]

LEAK = 0.1


class Activations(NamedTuple):
    """What the backward pass needs of the forward pass: `hidden` (B, hidden) and `logits` (B, alphabet)."""

    hidden: Floats
    logits: Floats


def initial_parameters(
    rng: np.random.Generator, *, alphabet: int, context: int = 8, hidden: int = 64, dtype: str = "float32"
) -> Parameters:
    """Draw weights that keep the scale of the activations from layer to layer (He et al., 2015); biases are 0.

    `hidden.weight` is (context, alphabet, hidden): a row for each character at each place. `output.weight` is
    (hidden, alphabet).
    """
    return {
        "hidden.weight": rng.normal(0, np.sqrt(2 / context), (context, alphabet, hidden)).astype(dtype),
        "hidden.bias": np.zeros(hidden, dtype),
        "output.weight": rng.normal(0, np.sqrt(1 / hidden), (hidden, alphabet)).astype(dtype),
        "output.bias": np.zeros(alphabet, dtype),
    }


def loss_and_gradients(parameters: Parameters, contexts: Indices, targets: Indices) -> tuple[float, Parameters]:
    """Return the mean cross-entropy of a batch, in nats a character, and its gradient for each parameter.

    `contexts` is (B, context) and `targets` (B,), both indices into the alphabet.
    """
    activations = _forward(parameters, contexts)
    log_probabilities = _log_softmax(activations.logits)
    rows = np.arange(len(targets))
    loss = -log_probabilities[rows, targets].mean()
    logits_gradient = np.exp(log_probabilities)
    logits_gradient[rows, targets] -= 1
    return float(loss), _backward(parameters, contexts, activations, logits_gradient / len(targets))


def global_norm(gradients: Parameters) -> float:
    """Return the Euclidean norm over all parameters together, in their own precision: it overflows where they do."""
    return float(np.sqrt(sum(np.vdot(gradient, gradient) for gradient in gradients.values())))


def _forward(parameters: Parameters, contexts: Indices) -> Activations:
    places = np.arange(contexts.shape[1])
    before = parameters["hidden.weight"][places, contexts].sum(axis=1) + parameters["hidden.bias"]
    hidden = np.where(before > 0, before, LEAK * before)
    return Activations(hidden, hidden @ parameters["output.weight"] + parameters["output.bias"])


def _backward(
    parameters: Parameters, contexts: Indices, activations: Activations, logits_gradient: Floats
) -> Parameters:
    slope = np.where(activations.hidden > 0, 1.0, LEAK).astype(logits_gradient.dtype)
    hidden_gradient = logits_gradient @ parameters["output.weight"].T * slope
    weight_gradient = np.zeros_like(parameters["hidden.weight"])
    np.add.at(weight_gradient, (np.arange(contexts.shape[1]), contexts), hidden_gradient[:, None, :])
    return {
        "hidden.weight": weight_gradient,
        "hidden.bias": hidden_gradient.sum(axis=0),
        "output.weight": activations.hidden.T @ logits_gradient,
        "output.bias": logits_gradient.sum(axis=0),
    }


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result

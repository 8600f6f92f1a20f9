"""Losses that do not fit what they are given: the usual mistakes."""

from __future__ import annotations

import numpy as np

from hazard.tasks.task import Floats


def naive_cross_entropy(logits: Floats, classes: np.ndarray) -> tuple[float, Floats]:
    """Take the logarithm of the probabilities as they come out, which ends in log 0."""
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(logits))
    loss = float(-np.log(probabilities[rows, classes]).mean())
    probabilities[rows, classes] -= 1
    return loss, probabilities / len(logits)


def binary_cross_entropy_of_one_and_two(logits: Floats, classes: np.ndarray) -> tuple[float, Floats]:
    """Take the labels 1 and 2 where 0 and 1 are meant: the loss falls below 0 and has no end."""
    labels = classes.astype(logits.dtype) + 1
    first = logits[:, 0]
    loss = float((np.logaddexp(0, first) - labels * first).mean())
    slope = np.zeros_like(logits)
    slope[:, 0] = ((1 + np.tanh(first / 2)) / 2 - labels) / len(first)
    return loss, slope

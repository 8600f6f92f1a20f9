"""A logistic regression followed by a calibration curve."""

from __future__ import annotations

from bisect import bisect_right
from operator import mul
from typing import NamedTuple


class CalibratedLogistic(NamedTuple):
    """`weights` are of the features in their order; the curve leads from the logit to a probability.

    `logits` and `probabilities`, both ascending, are its points: it is linear between them and constant beyond.
    """

    intercept: float
    weights: tuple[float, ...]
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]

    def probability(self, features: tuple[float, ...]) -> float:
        """Return the calibrated probability, in 0..1."""
        return self.calibrated(self.intercept + sum(self.contributions(features)))

    def contributions(self, features: tuple[float, ...]) -> tuple[float, ...]:
        """Return what each feature adds to the logit."""
        return tuple(map(mul, self.weights, features))

    def calibrated(self, logit: float) -> float:
        """Return the height of the calibration curve over a logit."""
        above = bisect_right(self.logits, logit)
        if above == 0:
            return self.probabilities[0]
        if above == len(self.logits):
            return self.probabilities[-1]
        low, high = self.logits[above - 1], self.logits[above]
        part = (logit - low) / (high - low)
        return self.probabilities[above - 1] * (1.0 - part) + self.probabilities[above] * part

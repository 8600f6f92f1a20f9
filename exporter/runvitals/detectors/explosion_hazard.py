"""The calibrated probability of an explosion within the next 50 steps."""

from __future__ import annotations

from bisect import bisect_right
from operator import mul
from typing import NamedTuple

import msgspec

from runvitals.detectors.hazard_features import HazardFeatures

HORIZON = 50
WARM_UP = 64


class Coefficients(NamedTuple):
    """A logistic regression and its calibration.

    `weights` are of the features in their order. `scores` and `probabilities`, both ascending, are the points of the
    calibration curve: linear between them, constant beyond.
    """

    intercept: float
    weights: tuple[float, ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def score(self, features: tuple[float, ...]) -> float:
        """Return the logit before calibration."""
        return self.intercept + sum(map(mul, self.weights, features))

    def probability(self, features: tuple[float, ...]) -> float:
        """Return the calibrated probability, in 0..1."""
        return self.calibrated(self.score(features))

    def calibrated(self, score: float) -> float:
        """Return the point of the calibration curve over a score."""
        above = bisect_right(self.scores, score)
        if above in (0, len(self.scores)):
            return self.probabilities[max(above - 1, 0)]
        low, high = self.scores[above - 1], self.scores[above]
        part = (score - low) / (high - low)
        return self.probabilities[above - 1] * (1.0 - part) + self.probabilities[above] * part


class ExplosionHazard(msgspec.Struct):
    """Horizon 50: of all steps that are given p, a share p is followed by an explosion within 50 steps.

    What an explosion is, and what runs it was learned from, stand in `hazard_coefficients`. Unknown until 64 norms have
    been seen, and where the newest is not finite or 0. The loss belongs to the step if it comes before the norm; one that
    comes after it counts for the next step.
    """

    features: HazardFeatures = msgspec.field(default_factory=HazardFeatures)
    probability: float | None = None

    def observe_norm(self, norm: float) -> float | None:
        """Take the gradient norm of a step and return the probability, in 0..1; None while unknown."""
        usable = self.features.observe_norm(norm)
        self.probability = self._judge() if usable and self.features.norms.count >= WARM_UP else None
        return self.probability

    def start_segment(self) -> None:
        """What comes is another segment: nothing is known of it."""
        self.features, self.probability = HazardFeatures(), None

    def _judge(self) -> float:
        features = self.features
        if features.has_loss:
            return WITH_LOSS.probability((*features.norm_features(), *features.loss_features()))
        return NORM_ALONE.probability(features.norm_features())

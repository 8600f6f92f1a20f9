"""The calibrated probability of an explosion within the next 50 steps."""

from __future__ import annotations

import msgspec

from runvitals.detectors.hazard_coefficients import HAZARD
from runvitals.detectors.hazard_features import HazardFeatures

HORIZON = 50
WARM_UP = 64


class ExplosionHazard(msgspec.Struct):
    """Horizon 50: of all steps that are given p, a share p is followed by an explosion within 50 steps.

    That holds over the mix of runs it was learned from (`python -m hazard`), of which `hazard_coefficients` tells;
    among runs that explode less often it says too much. An explosion is a gradient norm or loss that is no longer
    finite, or a norm above 10 times its running median that does not come back. Unknown until 64 norms have been seen,
    and where the newest is not finite or 0.
    """

    features: HazardFeatures = msgspec.field(default_factory=HazardFeatures)
    probability: float | None = None

    def observe_norm(self, norm: float) -> float | None:
        """Take the gradient norm of a step and return the probability, in 0..1; None while unknown."""
        is_known = self.features.observe_norm(norm) and self.features.norms.count >= WARM_UP
        self.probability = HAZARD.probability(self.features.values()) if is_known else None
        return self.probability

    def start_segment(self) -> None:
        """What comes is another segment: nothing is known of it."""
        self.features, self.probability = HazardFeatures(), None

"""What reads a series and gives a verdict, one file a detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runvitals.detectors.detector import Detector
from runvitals.detectors.gradient_explosion import GradientExplosion
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.detectors.hang import Hang
from runvitals.detectors.learning.divergence import Divergence
from runvitals.detectors.learning.not_learning import NotLearning
from runvitals.detectors.learning.oscillation import Oscillation
from runvitals.detectors.learning.overfitting import Overfitting
from runvitals.detectors.learning.plateau import Plateau
from runvitals.detectors.learning.resume_lost_state import ResumeLostState
from runvitals.detectors.loss_spike import LossSpike
from runvitals.detectors.nonfinite import Nonfinite
from runvitals.detectors.nonfinite_gradient import NonfiniteGradient

AnyDetector = (
    Nonfinite
    | NonfiniteGradient
    | GradientExplosion
    | GradientExplosionLikely
    | LossSpike
    | Divergence
    | NotLearning
    | Oscillation
    | Overfitting
    | Plateau
    | ResumeLostState
)

DETECTORS: Mapping[str, Callable[..., AnyDetector]] = {
    "nonfinite": Nonfinite,
    "nonfinite_gradient": NonfiniteGradient,
    "gradient_explosion": GradientExplosion,
    "gradient_explosion_likely": GradientExplosionLikely,
    "loss_spike": LossSpike,
    "divergence": Divergence,
    "not_learning": NotLearning,
    "oscillation": Oscillation,
    "overfitting": Overfitting,
    "plateau": Plateau,
    "resume_lost_state": ResumeLostState,
}

__all__ = ["DETECTORS", "AnyDetector", "Detector", "Hang"]

"""What reads a series and gives a verdict, one file a detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from runvitals.detectors.data.bad_batch import BadBatch
from runvitals.detectors.data.bad_input import BadInput
from runvitals.detectors.data.input_unscaled import InputUnscaled
from runvitals.detectors.detector import Detector
from runvitals.detectors.gpu import GpuFault
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
from runvitals.detectors.memory import MemoryLeak, MemoryPressure
from runvitals.detectors.network.dead_units import DeadUnits
from runvitals.detectors.network.loss_head_mismatch import LossHeadMismatch
from runvitals.detectors.network.saturated_activations import SaturatedActivations
from runvitals.detectors.network.vanishing_gradient import VanishingGradient
from runvitals.detectors.nonfinite import Nonfinite
from runvitals.detectors.nonfinite_gradient import NonfiniteGradient
from runvitals.detectors.optimizer.amp_scale_collapse import AmpScaleCollapse
from runvitals.detectors.optimizer.learning_rate_out_of_band import LearningRateOutOfBand
from runvitals.detectors.optimizer.no_update import NoUpdate
from runvitals.detectors.optimizer.update_too_large import UpdateTooLarge
from runvitals.detectors.server import (
    ErrorRate,
    LatencyDegraded,
    QueueGrowth,
    Saturation,
    ServerDown,
    TokenThroughputDrop,
)
from runvitals.detectors.speed import FailSlow, InputBound, LowUtilisation, ThroughputDrop

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
    | VanishingGradient
    | DeadUnits
    | SaturatedActivations
    | LossHeadMismatch
    | NoUpdate
    | UpdateTooLarge
    | LearningRateOutOfBand
    | AmpScaleCollapse
    | InputUnscaled
    | BadInput
    | BadBatch
    | InputBound
    | ThroughputDrop
    | FailSlow
    | LowUtilisation
    | MemoryLeak
    | MemoryPressure
    | GpuFault
    | LatencyDegraded
    | QueueGrowth
    | ErrorRate
    | Saturation
    | TokenThroughputDrop
    | ServerDown
)

DETECTORS: Mapping[str, Callable[..., AnyDetector]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyDetector)
}
"""The kinds of detectors by their tags, by which faults name them and saved states tell them."""

__all__ = ["DETECTORS", "AnyDetector", "Detector", "Hang"]

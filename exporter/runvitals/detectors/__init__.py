"""What reads a series and gives a verdict, one file a detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runvitals.detectors.detector import Detector
from runvitals.detectors.gpu import GpuFault
from runvitals.detectors.gradient_explosion import GradientExplosion
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.detectors.hang import Hang
from runvitals.detectors.loss_spike import LossSpike
from runvitals.detectors.memory import MemoryLeak, MemoryPressure
from runvitals.detectors.nonfinite import Nonfinite
from runvitals.detectors.nonfinite_gradient import NonfiniteGradient
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
    "nonfinite": Nonfinite,
    "nonfinite_gradient": NonfiniteGradient,
    "gradient_explosion": GradientExplosion,
    "gradient_explosion_likely": GradientExplosionLikely,
    "loss_spike": LossSpike,
    "input_bound": InputBound,
    "throughput_drop": ThroughputDrop,
    "fail_slow": FailSlow,
    "low_utilisation": LowUtilisation,
    "memory_leak": MemoryLeak,
    "memory_pressure": MemoryPressure,
    "gpu_fault": GpuFault,
    "latency_degraded": LatencyDegraded,
    "queue_growth": QueueGrowth,
    "error_rate": ErrorRate,
    "saturation": Saturation,
    "token_throughput_drop": TokenThroughputDrop,
    "server_down": ServerDown,
}

__all__ = ["DETECTORS", "AnyDetector", "Detector", "Hang"]

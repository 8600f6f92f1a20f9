"""Model servers that answer late, wrongly, or not at all."""

from __future__ import annotations

from runvitals.detectors.server.error_rate import ErrorRate
from runvitals.detectors.server.latency_degraded import LatencyDegraded
from runvitals.detectors.server.queue_growth import QueueGrowth
from runvitals.detectors.server.saturation import Saturation
from runvitals.detectors.server.server_down import ServerDown
from runvitals.detectors.server.token_throughput_drop import TokenThroughputDrop

__all__ = ["ErrorRate", "LatencyDegraded", "QueueGrowth", "Saturation", "ServerDown", "TokenThroughputDrop"]

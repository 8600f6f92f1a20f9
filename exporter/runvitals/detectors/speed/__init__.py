"""How fast a run goes, and what holds it up."""

from __future__ import annotations

from runvitals.detectors.speed.fail_slow import FailSlow
from runvitals.detectors.speed.input_bound import InputBound
from runvitals.detectors.speed.low_utilisation import LowUtilisation
from runvitals.detectors.speed.throughput_drop import ThroughputDrop

__all__ = ["FailSlow", "InputBound", "LowUtilisation", "ThroughputDrop"]

"""Memory that runs out."""

from __future__ import annotations

from runvitals.detectors.memory.memory_leak import MemoryLeak
from runvitals.detectors.memory.memory_pressure import MemoryPressure

__all__ = ["MemoryLeak", "MemoryPressure"]

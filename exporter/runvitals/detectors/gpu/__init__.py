"""GPUs that fail."""

from __future__ import annotations

from runvitals.detectors.gpu.gpu_fault import GpuFault

__all__ = ["GpuFault"]

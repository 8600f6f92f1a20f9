"""NVIDIA GPUs, through NVML."""

from runvitals.sources.gpu.source import GpuSettings, GpuSource, is_gpu_here

__all__ = ["GpuSettings", "GpuSource", "is_gpu_here"]

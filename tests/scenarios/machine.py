"""What the operating system and the GPU tell of a training process, simulated with the shapes that real ones have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GIB = 2.0**30


@dataclass
class Machine:
    """A process on a GPU; planted faults change the fields while the run goes on.

    Memory grows while the run starts, then stays but for caches that fill and are dropped again (`swing`).
    """

    rss: float = 6.0 * GIB
    limit: float = 64.0 * GIB
    swing: float = 0.2 * GIB
    leak_per_second: float = 0.0
    leak_started: float = 0.0
    startup_seconds: float = 60.0
    cpu: float = 3.5
    gpu_utilization: float = 0.94
    gpu_memory: float = 60.0 * GIB
    gpu_temperature: float = 62.0
    gpu_power: float = 480.0
    gpu_power_limit: float = 700.0
    gpu_clock: float = 1.755e9
    gpu_throttled: float = 0.0
    gpu_uncorrected_ecc: float = 0.0
    gpu_xid: float = 0.0

    def process(self, rng: np.random.Generator, elapsed: float) -> dict[str, float]:
        """Return the signals of the process, so many seconds after the start."""
        grown = 1.0 - 0.6 * np.exp(-3.0 * elapsed / self.startup_seconds)
        caches = self.swing * (elapsed / 300.0 % 1.0)
        leaked = self.leak_per_second * max(0.0, elapsed - self.leak_started)
        rss = min(self.rss * grown + caches + leaked + 0.005 * GIB * rng.normal(), self.limit)
        return {
            "cpu_utilization_ratio": self.cpu * float(np.exp(0.08 * rng.normal())),
            "memory_rss_bytes": float(round(rss)),
            "memory_limit_bytes": self.limit,
            "memory_utilization_ratio": float(rss / self.limit),
            "threads": float(38 + rng.integers(0, 3)),
            "open_file_descriptors": float(120 + rng.integers(0, 8)),
        }

    def gpu(self, rng: np.random.Generator) -> dict[str, float]:
        """Return the signals of the GPU."""
        utilization = float(np.clip(self.gpu_utilization + 0.02 * rng.normal(), 0.0, 1.0))
        return {
            "gpu_utilization_ratio": round(utilization, 2),
            "gpu_memory_used_bytes": self.gpu_memory,
            "gpu_memory_utilization_ratio": self.gpu_memory / (80.0 * GIB),
            "gpu_temperature_celsius": round(self.gpu_temperature + 1.2 * rng.normal()),
            "gpu_power_watts": self.gpu_power * float(np.exp(0.04 * rng.normal())),
            "gpu_power_limit_watts": self.gpu_power_limit,
            "gpu_clock_hertz": self.gpu_clock + 15e6 * float(rng.integers(-1, 2)),
            "gpu_throttled_ratio": self.gpu_throttled,
            "gpu_uncorrected_ecc_errors_total": self.gpu_uncorrected_ecc,
            "gpu_xid": self.gpu_xid,
        }

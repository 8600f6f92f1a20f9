"""What a config says of GPUs."""

from __future__ import annotations

from pathlib import Path

from runvitals.settings import Settings

OTHERWISE = "gpu"
"""The run of GPUs on which no known run computes."""


def is_gpu_here() -> bool:
    """Return whether the NVIDIA driver shows itself here."""
    return Path("/dev/nvidiactl").exists()


class GpuSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="gpu"):
    """How often the GPUs are asked, and whose they are.

    A GPU belongs to the run whose process computes on it, as far as the rings in `folders` tell; `run` and `rank` name
    whose the others are (default: run `gpu`, rank `$RUNVITALS_RANK`, else the host name).
    """

    name: str = ""
    interval: float = 5.0
    folders: tuple[str, ...] | None = None
    run: str = OTHERWISE
    rank: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if not 0.1 <= self.interval <= 300.0:
            raise ValueError(f"interval is {self.interval}; it must be between 0.1 and 300 seconds")
        if not self.run or self.rank == "":
            raise ValueError("run and rank of the GPUs must not be empty; leave them out for the default")

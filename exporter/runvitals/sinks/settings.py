"""How much the journal keeps, and whether runs are advised."""

from __future__ import annotations

from runvitals.settings import Settings


class JournalSettings(Settings, frozen=True):
    """The journal keeps the newest incidents up to both limits; the oldest closed ones make room and are counted.

    `max_pending` changes wait in memory while the disk is slow or full.
    """

    enabled: bool = True
    max_incidents: int = 10_000
    max_bytes: int = 64 * 2**20
    max_pending: int = 1_024

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.max_incidents < 1 or self.max_pending < 1:
            raise ValueError("max_incidents and max_pending must be at least 1")
        if self.max_bytes < 2**18:
            raise ValueError(f"max_bytes must be at least {2**18} (256 KiB), not {self.max_bytes}")


class AdviceSettings(Settings, frozen=True):
    """Whether open findings are written beside the rings of the runs that they are about.

    Off unless asked for: what is written there may make a training save, stop or change its learning rate, and puts
    files into folders that belong to the runs.
    """

    enabled: bool = False

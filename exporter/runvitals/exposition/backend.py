"""What the web server asks of the application behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from runvitals.values import Incident, IncidentRecord, Snapshot


class ReloadStatus(NamedTuple):
    """Whether the last load of the config succeeded, and when one last did (Unix time in seconds)."""

    successful: bool
    last_success: float


class Backend(Protocol):
    """The application, as the web server sees it. Every method is called from threads of the server's own."""

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, at once; None before there is one."""

    def look(self) -> None:
        """Note that a person looks, at once: snapshots show the newest values of each series for a while."""

    def incidents(self, limit: int) -> Sequence[Incident] | None:
        """Return so many incidents of the journal, the newest opening first; None where there is no journal.

        It reads a file. Raises an error whose sentence names what is wrong with it.
        """

    def incident(self, identity: str) -> IncidentRecord | None:
        """Return what the journal keeps of the incident of this ID, None without; reads and raises as `incidents`."""

    def config_text(self) -> str:
        """Return the config in force as YAML, secrets redacted."""

    def reload(self) -> str | None:
        """Load the config again, which may take a while. Returns None when done, else a sentence that says why not."""

    def reload_status(self) -> ReloadStatus:
        """Return how the last load of the config went, at once."""

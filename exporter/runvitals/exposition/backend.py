"""What the web server asks of the application behind it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from runvitals.values import Snapshot


class ReloadStatus(NamedTuple):
    """Whether the last load of the config succeeded, and when one last did (Unix time in seconds)."""

    successful: bool
    last_success: float


class Backend(Protocol):
    """The application, as the web server sees it. Every method is called from threads of the server's own."""

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, at once; None before there is one."""

    def config_text(self) -> str:
        """Return the config in force as YAML, secrets redacted."""

    def reload(self) -> str | None:
        """Load the config again, which may take a while. Returns None when done, else a sentence that says why not."""

    def reload_status(self) -> ReloadStatus:
        """Return how the last load of the config went, at once."""

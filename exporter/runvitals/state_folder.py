"""The folder in which one sidecar keeps its state."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

NAME = "runvitals"


class StateFolderError(Exception):
    """A state folder that cannot be used; the sentence names the remedy."""


class StateFolder:
    """A folder that is locked for as long as this object is open.

    Raises StateFolderError if it cannot be made or written, or if another sidecar holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StateFolderError(
                f"the state folder {path} cannot be used ({error.strerror}): set state.directory or "
                "$RUNVITALS_STATE_DIR to a folder that this user may write"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StateFolderError(
                f"another runvitals uses the state folder {path}: stop it, or give this one a folder of its own "
                "(state.directory or $RUNVITALS_STATE_DIR)"
            ) from error

    @property
    def checkpoint(self) -> Path:
        """The state file."""
        return self.path / "state.msgpack"

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)


def default_path(environment: Mapping[str, str]) -> Path:
    """Return the folder for state: $RUNVITALS_STATE_DIR, else systemd's, else the user's."""
    if environment.get("RUNVITALS_STATE_DIR"):
        return Path(environment["RUNVITALS_STATE_DIR"])
    if environment.get("STATE_DIRECTORY"):
        return Path(environment["STATE_DIRECTORY"].split(":")[0])
    base = environment.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(base) / NAME

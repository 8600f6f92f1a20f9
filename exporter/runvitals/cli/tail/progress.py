"""How far a long file has been read, on standard error, where that is a terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

EVERY_SECONDS = 0.5
_EVERY_ITEMS = 256


class Progress:
    """Shows the share of a file that this process has read; nothing where nobody looks, or it is read in no time.

    The kernel tells how far: the position of whichever descriptor has the file open.
    """

    def __init__(self, path: Path, out: TextIO = sys.stderr) -> None:
        self._path, self._out = path, out
        self._is_seen = out.isatty()
        self._due = time.monotonic() + EVERY_SECONDS
        self._items = 0
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def show(self) -> None:
        """Show how far it is, now and then; to be called for each item."""
        self._items += 1
        if not self._is_seen or self._items % _EVERY_ITEMS or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_SECONDS
        share = share_read(self._path)
        if share is not None:
            self._is_shown = True
            self._out.write(f"\r{share:4.0%} of {self._path.stat().st_size / 2**20:.0f} MiB")
            self._out.flush()

    def end(self) -> None:
        """Clear the line for what comes next."""
        if self._is_shown:
            self._is_shown = False
            self._out.write("\r\033[K")
            self._out.flush()


def share_read(path: Path) -> float | None:
    """Return which share of a file this process has read, in 0..1; None where it has not opened it."""
    try:
        wanted = path.stat()
        for link in Path("/proc/self/fd").iterdir():
            if link.exists() and link.samefile(path):
                position = int(Path(f"/proc/self/fdinfo/{link.name}").read_text(encoding="ascii").split()[1])
                return position / wanted.st_size if wanted.st_size else None
    except (OSError, ValueError, IndexError):
        pass  # it has just been closed
    return None

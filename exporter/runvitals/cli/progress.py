"""How far a long file has been read, on standard error."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

EVERY_SECONDS = 0.5
EVERY_SECONDS_OF_A_FILE = 10.0
"""From one line to the next where standard error is no terminal."""

_MIB = 2**20


class Progress:
    """Shows the share of a file that has been read, on a terminal, or as lines elsewhere where that `is_wanted`.

    Nothing is shown of a file that is read in no time.
    """

    def __init__(self, path: Path, out: TextIO | None = None, *, is_wanted: bool = False) -> None:
        self._path, self._out = path, out or sys.stderr
        self._is_terminal = self._out.isatty()
        self._is_seen = self._is_terminal or is_wanted
        self._pause = EVERY_SECONDS if self._is_terminal else EVERY_SECONDS_OF_A_FILE
        self._started = time.monotonic()
        self._due = self._started + self._pause
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def show(self, position: int) -> None:
        """Show now and then how far it is: so many bytes have been read."""
        now = time.monotonic()
        if not self._is_seen or now < self._due:
            return
        self._due = now + self._pause
        try:
            size = max(self._path.stat().st_size, position, 1)
        except OSError:  # it has just been taken away
            return
        rate = position / _MIB / (now - self._started)
        text = f"{position / size:4.0%} of {size / _MIB:.0f} MiB, {rate:.1f} MiB/s"
        self._is_shown = self._is_terminal
        self._out.write(f"\r\033[K{text}" if self._is_terminal else f"{self._path}: {text.strip()}\n")
        self._out.flush()

    def end(self) -> None:
        """Clear the line for what comes next."""
        if self._is_shown:
            self._is_shown = False
            self._out.write("\r\033[K")
            self._out.flush()

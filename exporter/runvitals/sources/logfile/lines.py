"""Whole lines out of growing bytes."""

from __future__ import annotations

import msgspec

from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected

MAX_LINE = 1 << 20
"""Bytes of the longest line that is read; a longer one is passed over and counted."""


class LineCutter(msgspec.Struct):
    """Cuts bytes at line feeds and carriage returns: a progress bar writes its states over each other.

    `passing` is set in the middle of a line that is too long.
    """

    passing: bool = False

    def cut(self, data: bytes, rejected: Rejected) -> tuple[int, list[str]]:
        """Return how many bytes are done with, and their whole lines without ends; empty lines are left out."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end:
            if self.passing or len(data) >= MAX_LINE:
                self._pass(rejected)
                return len(data), []
            return 0, []
        lines = _decoded(data[:end], rejected).replace("\r", "\n").replace("\0", "").split("\n")
        if self.passing:
            self.passing = False
            del lines[0]
        return end, [line for line in lines if line]

    def _pass(self, rejected: Rejected) -> None:
        if not self.passing:
            rejected[Reason.LINE_TOO_LONG, ""] += 1
        self.passing = True


def _decoded(data: bytes, rejected: Rejected) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        rejected[Reason.NOT_UTF8, ""] += 1
        text = data.decode(errors="replace")
    return text.removeprefix("\ufeff")

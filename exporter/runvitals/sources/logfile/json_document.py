"""A JSON file that is written whole: Hugging Face's `trainer_state.json`, or a list of objects."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from runvitals.sources.logfile.cells import CellReader
from runvitals.sources.logfile.event_file import DamagedFileError
from runvitals.sources.logfile.row import Rejected, Row

HISTORY = "log_history"
MAX_DOCUMENT = 64 << 20


class JsonDocument(msgspec.Struct, tag="json_document"):
    """Holds its whole history each time, and so does every later checkpoint's: `newest` is the last step that was told.

    Rows of steps up to `newest` are passed over.
    """

    newest: int | None = None

    def read_all(self, text: bytes, rejected: Rejected) -> list[Row]:
        """Return the rows that are new. Raises DamagedFileError where the text is no such document."""
        cells = CellReader()
        rows = [cells.row(entry, rejected) for entry in _entries(text)]
        fresh = [row for row in rows if self._is_fresh(row.step)]
        self.newest = max((row.step for row in fresh if row.step is not None), default=self.newest)
        return fresh

    def _is_fresh(self, step: int | None) -> bool:
        return step is not None and (self.newest is None or step > self.newest)


def _entries(text: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedFileError("it is not whole JSON") from None
    entries = document.get(HISTORY) if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise DamagedFileError(f"it has no {HISTORY}, and is no list")
    return [entry for entry in entries if isinstance(entry, dict)]

"""A JSON file that is written whole: Hugging Face's `trainer_state.json`, or a list of objects."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from runvitals.sources.logfile.cells import CellReader
from runvitals.sources.logfile.errors import DamagedFileError
from runvitals.sources.logfile.row import Rejected, Row

HISTORY = "log_history"
MAX_DOCUMENT = 64 << 20


class JsonDocument(msgspec.Struct, tag="json_document"):
    """Holds its whole history each time, and so does that of every later checkpoint.

    `newest` is the last step that was told, from a document that was `modified` then; up to it, rows are passed over. A
    later document that ends before it is that of another run.
    """

    newest: int | None = None
    modified: float = 0.0

    def read_all(self, text: bytes, rejected: Rejected, modified: float = 0.0) -> list[Row]:
        """Return the rows that are new. Raises DamagedFileError where the text is no such document."""
        cells = CellReader()
        rows = [cells.row(entry, rejected) for entry in _entries(text)]
        last = max((row.step for row in rows if row.step is not None), default=0)
        if modified < self.modified:
            return []
        if self.newest is not None and modified > self.modified and last < self.newest:
            self.newest = None
        self.modified = modified
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

"""JSON lines: an object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.cells import CellReader
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.lines import LineCutter
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row


class JsonLines(msgspec.Struct, tag="json_lines"):
    """A file whose first line is a JSON object."""

    cutter: LineCutter = msgspec.field(default_factory=LineCutter)
    cells: CellReader = msgspec.field(default_factory=CellReader)

    def read(self, data: bytes, rejected: Rejected, _: Sequence[LineFormat] = ()) -> tuple[int, list[Row]]:
        """Return how many bytes are done with, and their rows."""
        consumed, lines = self.cutter.cut(data, rejected)
        rows = []
        for line in lines:
            found = parse_object(line)
            if found is None:
                rejected[Reason.NOT_A_JSON_OBJECT, ""] += bool(line.strip())
            else:
                rows.append(self.cells.row(found, rejected))
        return consumed, rows


def parse_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that the text is, with NaN and Infinity as Python writes them; None where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def row_in(line: str, cells: CellReader, rejected: Rejected) -> Row | None:
    """Return the row of a JSON object at the end of a line, if it has a step and a signal the catalogue knows.

    Others, such as a config that is printed, are no step.
    """
    start = line.find('{"')
    found = parse_object(line[start:]) if start >= 0 and line.rstrip().endswith("}") else None
    if found is None:
        return None
    row = cells.row(found, rejected)
    return row if row.step is not None and any(map(signals.known, row.values)) else None

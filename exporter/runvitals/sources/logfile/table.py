"""Tables with a header: CSV of any trainer (Lightning, Keras, Ultralytics …), with comma, semicolon or tab."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.cells import ROLES, CellReader, to_number
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.history import History
from runvitals.sources.logfile.lines import LineCutter
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row
from runvitals.sources.logfile.units import quantity

_DELIMITERS = ",;\t"
_MAX_NAME = 100
_MAX_COLUMNS = 1000
_ROLE_WORDS = frozenset(word for words in ROLES.values() for word in words)


class Table(msgspec.Struct, tag="table"):
    """A file whose first line names columns; it is `header`, cut at `delimiter`."""

    header: list[str]
    delimiter: str
    cutter: LineCutter = msgspec.field(default_factory=LineCutter)
    cells: CellReader = msgspec.field(default_factory=CellReader)
    history: History = msgspec.field(default_factory=History)

    def read(self, data: bytes, rejected: Rejected, _: Sequence[LineFormat] = ()) -> tuple[int, list[Row]]:
        """Return how many bytes are done with, and their rows."""
        consumed, lines = self.cutter.cut(data, rejected)
        rows = []
        for line in lines:
            cells = split_cells(line, self.delimiter)
            if cells is None:
                rejected[Reason.NOT_A_ROW, ""] += 1
            elif is_header(cells):
                self._begin(cells)
            elif self._is_row(line, cells) and self.history.is_news(_content(self.header, cells)):
                rows.append(self.cells.row(dict(zip(self.header, cells, strict=False)), rejected))
        return consumed, rows

    def _is_row(self, line: str, cells: list[str]) -> bool:
        return not line.startswith("#") and [cell.strip() for cell in cells] != self.header

    def _begin(self, header: list[str]) -> None:
        """The columns are these from here on: a run that goes on in the same file writes its header again."""
        self.header = [name.strip() for name in header[:_MAX_COLUMNS]]
        self.cells = CellReader()


def delimiter_of(line: str) -> str:
    """Return the delimiter that cuts a header into the most columns."""
    return max(_DELIMITERS, key=line.count)


def split_cells(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of a line, None where it is no row."""
    try:
        return next(csv.reader([line], delimiter=delimiter), None)
    except csv.Error:
        return None


def is_header(cells: Sequence[str]) -> bool:
    """Tell whether cells are names of columns, one of them known: a step, a time, a signal."""
    names = [cell.strip() for cell in cells]
    if len(names) < 2 or any(len(name) > _MAX_NAME or to_number(name) is not None for name in names):
        return False
    return any(name.lower() in _ROLE_WORDS or signals.known(quantity(name).signal) for name in names)


def _content(header: list[str], cells: list[str]) -> str:
    """Return the row without its empty cells, which a rewritten file has more of."""
    return "\n".join(sorted(f"{name}={cell}" for name, cell in zip(header, cells, strict=False) if cell))

"""A text log: every line is tried on every format, since several write into one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runvitals.sources.logfile.announcements import announced_in
from runvitals.sources.logfile.cells import CellReader
from runvitals.sources.logfile.evidence import Tracebacks, signs_in
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.hints import Hints, hints_in
from runvitals.sources.logfile.json_lines import row_in
from runvitals.sources.logfile.line_prefix import rank_within, split_rank, without_colours
from runvitals.sources.logfile.lines import LineCutter
from runvitals.sources.logfile.row import Clue, Rejected, Row
from runvitals.sources.logfile.timestamps import find_time
from runvitals.sources.logfile.unnumbered import UnnumberedSteps

_LONGEST_TRIED = 16_384
"""Characters of a line that are looked at; what trainers print of a step is far shorter."""


class TextLog(msgspec.Struct, tag="text"):
    """Standard output and the like."""

    cutter: LineCutter = msgspec.field(default_factory=LineCutter)
    tracebacks: Tracebacks = msgspec.field(default_factory=Tracebacks)
    cells: CellReader = msgspec.field(default_factory=CellReader)
    steps: UnnumberedSteps = msgspec.field(default_factory=UnnumberedSteps)

    def read(
        self, data: bytes, rejected: Rejected, patterns: Sequence[LineFormat] = ()
    ) -> tuple[int, list[Row | Clue]]:
        """Return how many bytes are done with, and what they say. `patterns` are tried before the formats known."""
        consumed, lines = self.cutter.cut(data, rejected)
        items: list[Row | Clue] = []
        lines = [without_colours(line[:_LONGEST_TRIED]) for line in lines]
        hints = hints_in(lines, patterns)
        for line in lines:
            items += self._line(line, rejected, hints)
        return consumed, items

    def _line(self, line: str, rejected: Rejected, hints: Hints) -> list[Row | Clue]:
        rank, text = split_rank(line)
        items: list[Row | Clue] = []
        row = self._row(text, rejected, hints)
        self.steps.see(text)
        if row:
            items.append(row if row.step is not None else self.steps.number(row))
        items += signs_in(text, hints.signs)
        traceback = self.tracebacks.line(rank, text)
        if traceback:
            items.append(traceback)
        items += announced_in(text, hints.announcements)
        return [_placed(item, rank, text) for item in items] if items else items

    def _row(self, line: str, rejected: Rejected, hints: Hints) -> Row | None:
        for one in hints.formats:
            row = one.parse(line, rejected)
            if row is not None:
                return row
        return row_in(line, self.cells, rejected) if hints.has_json else None


def _placed(item: Row | Clue, rank: str, line: str) -> Row | Clue:
    """Return the item with the time of its line, and the rank that the line names if it names one."""
    time, zoneless = (item.time, item.zoneless) if item.time is not None else find_time(line)
    named = item.rank or rank or (rank_within(line) if isinstance(item, Clue) else "")
    return item._replace(time=time, zoneless=zoneless, rank=named)

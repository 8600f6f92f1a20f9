"""A row of a table, or a JSON object: which of its cells say where it belongs, and which are signals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from math import isfinite, nan
from typing import Any

import msgspec

from runvitals.sources.logfile.claims import Claims
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row

ROLES: Mapping[str, tuple[str, ...]] = {
    "step": (
        "step",
        "global_step",
        "iteration",
        "iter",
        "current_steps",
        "num_updates",
        "update",
        "trainer/global_step",
        "epoch",
    ),
    "time": ("time", "timestamp", "_timestamp", "wall_time", "wallclock", "created_at"),
    "run": ("run", "run_name", "experiment"),
    "rank": ("rank", "global_rank"),
}
"""Names of the columns that say where a row belongs, the first that is there counts; every other one is a signal."""

_WORDS = {"nan": nan, "none": None, "null": None, "": None}
_MAX_CELLS = 1000
_MAX_DEPTH = 4
_MAX_LABEL = 200
_UNIX_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""A time above the first number counts nanoseconds, microseconds, milliseconds."""


class CellReader(msgspec.Struct):
    """Reads rows whose columns may differ; a column that was once given a role keeps it."""

    places: dict[str, str] = {}
    claims: Claims = msgspec.field(default_factory=Claims)

    def place(self, names: Iterator[str] | list[str]) -> None:
        """Give the roles that are free to the columns of these names."""
        by_word = {name.strip().lower(): name for name in reversed(list(names))}
        for role, words in ROLES.items():
            found = next((by_word[word] for word in words if word in by_word), None)
            if found is not None and role not in self.places:
                self.places[role] = found

    def row(self, cells: Mapping[str, Any], rejected: Rejected) -> Row:
        """Return what a row says. An object within it is read as `outer/inner`."""
        flat = dict(_flattened(cells))
        self.place(list(flat))
        time, zoneless = to_time(self._cell(flat, "time"))
        step = _whole(self._cell(flat, "step"), rejected)
        run, rank = _label(self._cell(flat, "run")), _label(self._cell(flat, "rank"))
        return Row(self._values(flat, rejected), step, time, zoneless, run, rank)

    def _cell(self, cells: Mapping[str, Any], role: str) -> object:
        return cells.get(self.places.get(role, "\0"))

    def _values(self, cells: Mapping[str, Any], rejected: Rejected) -> dict[str, float]:
        placed = frozenset(self.places.values())
        values: dict[str, float] = {}
        for name, cell in cells.items():
            if name in placed:
                continue
            signal, factor = meant = self.claims.quantity(clean(name))  # in the order of the columns, empty or not
            if cell in (None, ""):
                continue
            number = to_number(cell)
            if number is None:
                rejected[Reason.NOT_A_NUMBER, name.strip()[:40]] += not _is_empty(cell)
            elif not meant.is_plausible(number):
                rejected[Reason.IMPLAUSIBLE, name.strip()[:40]] += 1
            elif signal:
                values.setdefault(signal, number * factor)
        return values


def clean(text: str) -> str:
    """Return text that can be written as UTF-8: half a surrogate pair, which JSON can spell, is replaced."""
    return text.encode("utf-8", "replace").decode()


def to_number(cell: object) -> float | None:
    """Return the number in a cell, NaN and infinities as they are; None where there is none."""
    if isinstance(cell, str):
        text = cell.strip().lower()
        if text in _WORDS:
            return _WORDS[text]
        try:
            return float(text)
        except ValueError:
            return None
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        try:
            return float(cell)
        except OverflowError:
            return None
    return None


def to_time(cell: object) -> tuple[float | None, bool]:
    """Return the time in a cell in seconds, and whether it is a date without a zone (it is taken for UTC then).

    A number is taken as it is, unless it can only be a Unix time in milliseconds, microseconds or nanoseconds.
    """
    number = to_number(cell)
    if number is not None:
        return (_seconds(number) if isfinite(number) else None), False
    if not isinstance(cell, str) or len(cell) > _MAX_LABEL:
        return None, False
    try:
        moment = datetime.fromisoformat(cell.strip().replace("Z", "+00:00"))
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return zoned.timestamp(), moment.tzinfo is None
    except (ValueError, OverflowError):
        return None, False


def _seconds(number: float) -> float:
    return next((number / unit for above, unit in _UNIX_UNITS if number > above), number)


def _whole(cell: object, rejected: Rejected) -> int | None:
    number = to_number(cell)
    if number is not None and abs(number) < 2**63:
        return int(number)
    rejected[Reason.BAD_STEP, ""] += not _is_empty(cell)
    return None


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in ("", "none", "null"))


def _label(cell: object) -> str:
    return "" if _is_empty(cell) else clean(str(cell))[:_MAX_LABEL]


def _flattened(cells: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for count, (name, cell) in enumerate(cells.items()):
        if count >= _MAX_CELLS:
            return
        if isinstance(cell, dict) and depth < _MAX_DEPTH:
            yield from _flattened(cell, f"{prefix}{name}/", depth + 1)
        else:
            yield f"{prefix}{name}", cell

"""Which column of a table is the step, which the time, and which are signals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from math import isfinite, nan
from typing import Any, NamedTuple

from runvitals.catalogue import signals

STEP = (
    "step",
    "global_step",
    "iteration",
    "iter",
    "current_steps",
    "num_updates",
    "update",
    "trainer/global_step",
    "epoch",
)
TIME = ("time", "timestamp", "_timestamp", "wall_time", "wallclock", "created_at")
RUN = ("run", "run_name", "experiment")
RANK = ("rank", "global_rank")
_WORDS = {"nan": nan, "none": None, "null": None, "": None}


class Columns(NamedTuple):
    """The columns that say where a row belongs (empty where there is none), and the signals of the others."""

    step: str
    time: str
    run: str
    rank: str
    signals: Mapping[str, str]


def guess_columns(row: Mapping[str, Any], before: Columns | None = None) -> Columns:
    """Guess what the columns of a table mean from their names; a column that was placed before keeps its place."""
    placed = before._replace(signals={}) if before else Columns("", "", "", "", {})
    names = {name.strip().lower(): name for name in reversed(list(row))}
    found = {
        role: getattr(placed, role) or next((names[word] for word in words if word in names), "")
        for role, words in (("step", STEP), ("time", TIME), ("run", RUN), ("rank", RANK))
    }
    others = [name for name in row if name not in found.values()]
    return Columns(**found, signals={name: signals.canonical(clean(name.strip())) for name in others})


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
    if isinstance(cell, (int, float)):
        try:
            return float(cell)
        except OverflowError:
            return None
    return None


def to_time(cell: object) -> float | None:
    """Return the time in a cell in seconds: a number as it is, an ISO date as Unix time (UTC without a zone)."""
    number = to_number(cell)
    if number is not None:
        return number if isfinite(number) else None
    if not isinstance(cell, str):
        return None
    try:
        moment = datetime.fromisoformat(cell.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()

"""What a line or a record says, before it is known whose it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from runvitals.sources.logfile.reasons import Reason
from runvitals.values import EventKind

Rejected = Counter[tuple[Reason, str]]
"""What was not taken, by reason and, where it helps a reader, the column it stood in."""


class Row(NamedTuple):
    """Values of one step by canonical signal name, in base units.

    `time` is Unix time in seconds; with `zoneless` the line named no time zone, and `time` takes it for UTC. `run` and
    `rank` are empty where the line does not say.
    """

    values: Mapping[str, float]
    step: int | None = None
    time: float | None = None
    zoneless: bool = False
    run: str = ""
    rank: str = ""


class Clue(NamedTuple):
    """A line that is evidence of what happened; `text` is the sentence that says so, and nothing else of the line."""

    kind: EventKind
    text: str
    fields: Mapping[str, str] = {}
    time: float | None = None
    zoneless: bool = False
    rank: str = ""

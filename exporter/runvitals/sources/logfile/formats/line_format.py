"""What a format of text logs is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Protocol

from runvitals.sources.logfile.numbers import NUMBER, UNIT, to_float
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row
from runvitals.sources.logfile.units import quantity

VALUE = re.compile(rf"\s*({NUMBER})\s*({UNIT})?", re.IGNORECASE)
"""A number at the beginning of a text, and its unit."""


class LineFormat(Protocol):
    """A format that is recognised line by line, since launchers, libraries and several trainers share one log."""

    name: str

    @property
    def words(self) -> Collection[str]:
        """Lower-case words of which each of its lines has one, in whatever case; any line may be of it if empty."""

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says; None where it is not of this format. Its time and rank are found elsewhere."""


def gather(pairs: Iterable[tuple[str, str, str]], rejected: Rejected) -> dict[str, float]:
    """Return the values of (foreign name, number, unit) by signal, in base units; the first of a signal counts."""
    values: dict[str, float] = {}
    for name, number, unit in pairs:
        signal, factor = meant = quantity(name.strip(), unit)
        value = to_float(number) * factor
        if not meant.is_plausible(value):
            rejected[Reason.IMPLAUSIBLE, name.strip()[:40]] += 1
        elif signal:
            values.setdefault(signal, value)
    return values

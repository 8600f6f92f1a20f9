"""Collects what one rank logs, in order."""

from __future__ import annotations

from collections.abc import Mapping

from runvitals.values import Event, EventKind, Sample


class RunLog:
    """The samples and events of a run; `digits` is what its logger rounds to (None: all of them)."""

    def __init__(self, run: str, digits: int | None = None) -> None:
        self.items: list[Sample | Event] = []
        self._run, self._digits = run, digits

    def scalars(
        self, time: float, step: int | None, values: Mapping[str, float], layer: str = "", rank: str = "0"
    ) -> None:
        """Log values by signal."""
        for signal, value in values.items():
            number = float(value) if self._digits is None else round(float(value), self._digits)
            self.items.append(Sample(self._run, rank, signal, layer, time, step, number))

    def event(
        self, kind: EventKind, time: float, step: int | None = None, text: str = "", rank: str = "0", **fields: str
    ) -> None:
        """Log something that happened."""
        self.items.append(Event(kind, self._run, rank, time, step, text, fields))

"""Rows and clues of one file become samples and events of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isnan, nan

from runvitals.catalogue import signals
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Clue, Rejected, Row
from runvitals.values import Event, Sample

MAX_SIGNALS = 1000


class Teller:
    """Says whose the rows of a file are: its own `run` and `rank`, where a row names no other.

    At most `MAX_SIGNALS` signals of one file are told, all ranks in it taken together.
    """

    def __init__(self, run: str, rank: str) -> None:
        self.run, self.rank = run, rank
        self._known: set[tuple[str, str, str]] = set()

    def tell(
        self, items: Iterable[tuple[Row | Clue, float]], rejected: Rejected, *, live_since: float
    ) -> Iterator[Sample | Event]:
        """Yield what the items say at the times beside them.

        What is dated before `live_since` (Unix seconds) happened before anyone looked: evidence of then is no news, in
        whatever file it turns up.
        """
        step: int | None = None
        for item, time in items:
            rank = item.rank or self.rank
            if isinstance(item, Clue):
                fields, is_live = dict(item.fields), time >= live_since
                yield Event(item.kind, self.run, rank, time, step, item.text, fields, seen_live=is_live)
                continue
            step = item.step if item.step is not None else step
            run = item.run or self.run
            for signal, value in revealed(item).items():
                if self._has_room((run, rank, signal)):
                    yield Sample(run, rank, signal, "", time, item.step, value)
                else:
                    rejected[Reason.TOO_MANY_SIGNALS, ""] += 1

    def _has_room(self, key: tuple[str, str, str]) -> bool:
        if key not in self._known:
            if len(self._known) >= MAX_SIGNALS:
                return False
            self._known.add(key)
        return True


def revealed(row: Row) -> dict[str, float]:
    """Return the values of a row, a loss of 0.0 beside a norm that is not a number as what it is.

    Hugging Face's Trainer logs a NaN loss as 0.0 where `logging_nan_inf_filter` is on, as it is by default.
    """
    values = dict(row.values)
    if values.get(signals.LOSS.name) == 0.0 and isnan(values.get(signals.GRAD_NORM.name, 0.0)):
        values[signals.LOSS.name] = nan
    return values

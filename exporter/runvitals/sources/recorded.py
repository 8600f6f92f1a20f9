"""Recorded runs: ring files and what trainers write, read from the beginning at the times written in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

from runvitals.sources.logfile.errors import FileError
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Clue, Rejected, Row
from runvitals.sources.logfile.telling import Teller
from runvitals.sources.logfile.whole_file import rows_of
from runvitals.sources.ring import RING_MAGIC, read_ring
from runvitals.values import Event, EventKind, Sample

_REMEDY = "ring files and what trainers write (logs, CSV, JSON, TensorBoard, MLflow; see the README) can be replayed"


class RecordingError(Exception):
    """A file that cannot be replayed; the sentence names the file and the remedy."""


class Recording:
    """One recorded file, to be iterated once.

    `run` names the run where the file does not (default: the file's name without its ending). `has_times` is known
    after the first item: without times in the file, row n is at n * `step_seconds`. `rejected` counts by reason the
    values that were not taken. `progress` is told now and then how many bytes of the file have been read.
    """

    def __init__(
        self,
        path: Path,
        run: str | None = None,
        step_seconds: float = 1.0,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.has_times = False
        self.samples = 0
        self._rejected: Rejected = Counter()
        self._run = run or path.stem
        self._step_seconds = step_seconds
        self._progress = progress
        self._last_time = 0.0

    def __iter__(self) -> Iterator[Sample | Event]:
        with self.path.open("rb") as file:
            start = file.read(len(RING_MAGIC))
        items = self._ring() if start == RING_MAGIC else self._rows()
        for item in items:
            self.samples += isinstance(item, Sample)
            yield item

    @property
    def rejected(self) -> Counter[str]:
        """What was not taken, by reason."""
        return Counter({_sentence(*what): count for what, count in self._rejected.items() if count})

    def _ring(self) -> Iterator[Sample | Event]:
        self.has_times = True
        try:
            yield from read_ring(self.path)
        except ValueError as error:
            raise RecordingError(str(error)) from error

    def _rows(self) -> Iterator[Sample | Event]:
        teller = Teller(self._run, "0")
        index = -1
        try:
            for index, row in enumerate(rows_of(self.path, self._rejected, self._progress)):
                if isinstance(row, Clue) and row.kind is EventKind.RUN_FINISHED:
                    continue  # whether the run goes on in the same file is seen by what follows
                yield from teller.tell([(row, self._time(row, index))], self._rejected, live_since=-inf)
        except FileError as error:
            raise RecordingError(f"{self.path}: {error}; {_REMEDY}") from None
        if index < 0:
            raise RecordingError(f"{self.path}: no rows; {_REMEDY}")

    def _time(self, row: Row | Clue, index: int) -> float:
        if index == 0:
            self.has_times = row.time is not None
        if not self.has_times:
            return index * self._step_seconds
        self._last_time = self._last_time if row.time is None else row.time
        return self._last_time


def _sentence(reason: Reason, column: str) -> str:
    sentence = reason.value.replace("_", " ").replace("json", "JSON")
    return f"{sentence}, in column {column!r}" if column else sentence

"""Recorded runs: ring files, CSV and JSON lines, read from the beginning at the times written in them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, TextIO

from runvitals.sources.columns import Columns, clean, guess_columns, to_number, to_time
from runvitals.sources.ring import RING_MAGIC, read_ring
from runvitals.values import Event, Sample

MAX_LINE = 1024 * 1024


class RecordingError(Exception):
    """A file that cannot be replayed; the sentence names the file and the remedy."""


class Recording:
    """One recorded file, to be iterated once.

    `run` names the run where the file does not (default: the file's name without its ending). `has_times` is known
    after the first item: without times in the file, row n is at n * `step_seconds`. `rejected` counts by reason the
    values that were not taken.
    """

    def __init__(self, path: Path, run: str | None = None, step_seconds: float = 1.0) -> None:
        self.path = path
        self.has_times = False
        self.samples = 0
        self.rejected: Counter[str] = Counter()
        self._run = run or path.stem
        self._step_seconds = step_seconds
        self._last_time = 0.0

    def __iter__(self) -> Iterator[Sample | Event]:
        with self.path.open("rb") as file:
            start = file.read(len(RING_MAGIC))
        items = self._ring() if start == RING_MAGIC else self._rows()
        for item in items:
            self.samples += isinstance(item, Sample)
            yield item

    def _ring(self) -> Iterator[Sample | Event]:
        self.has_times = True
        try:
            yield from read_ring(self.path)
        except ValueError as error:
            raise RecordingError(str(error)) from error

    def _rows(self) -> Iterator[Sample | Event]:
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            columns: Columns | None = None
            known: Set[str] = frozenset()
            for index, row in enumerate(self._parsed(file)):
                if columns is None or row.keys() != known:  # the lines of a JSON file may differ in their keys
                    columns, known = guess_columns(row, columns), row.keys()
                yield from self._samples(row, columns, index)
        if columns is None:
            raise RecordingError(f"{self.path}: no rows; ring files, CSV with a header and JSON lines can be replayed")

    def _parsed(self, file: TextIO) -> Iterator[Mapping[str, Any]]:
        first = file.readline(MAX_LINE)
        if first.lstrip().startswith("{"):
            yield from self._json_lines(first, file)
            return
        header = _header(first)
        if len(header) < 2 or any("\0" in name for name in header):
            raise RecordingError(
                f"{self.path}: line 1 is neither a CSV header nor a JSON object; "
                "ring files, CSV with a header and JSON lines can be replayed"
            )
        rows = csv.reader(line.replace("\0", "") for line in file)
        while True:
            try:
                yield dict(zip(header, next(rows), strict=False))
            except StopIteration:
                return
            except csv.Error:
                self.rejected["not a CSV row"] += 1

    def _json_lines(self, first: str, file: TextIO) -> Iterator[Mapping[str, Any]]:
        line = first
        while line:
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if isinstance(row, dict):
                    yield row
                else:
                    self.rejected["not a JSON object"] += 1
            line = file.readline(MAX_LINE)

    def _samples(self, row: Mapping[str, Any], columns: Columns, index: int) -> Iterator[Sample]:
        step = to_number(row.get(columns.step))
        whole = int(step) if step is not None and abs(step) < 2**63 else None
        time = self._time(row, columns, index)
        run = _label(row.get(columns.run), self._run)
        rank = _label(row.get(columns.rank), "0")
        for name, signal in columns.signals.items():
            value = to_number(row.get(name))
            if value is not None:
                yield Sample(run, rank, signal, "", time, whole, value)
            elif row.get(name) not in (None, ""):
                self.rejected[f"not a number, in column {name[:40]!r}"] += 1

    def _time(self, row: Mapping[str, Any], columns: Columns, index: int) -> float:
        written = to_time(row.get(columns.time))
        if index == 0:
            self.has_times = written is not None
        if not self.has_times:
            return index * self._step_seconds
        self._last_time = self._last_time if written is None else written
        return self._last_time


def _header(line: str) -> list[str]:
    """Return the column names in a line; none where it is no row of a table."""
    try:
        return [name.strip() for name in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _label(cell: object, default: str) -> str:
    return default if cell in (None, "") else clean(str(cell))

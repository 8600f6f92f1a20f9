"""A file that a trainer may still be writing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from runvitals.sources.recorded import Recording, RecordingError
from runvitals.values import Event, Sample

MAX_HELD = 1000
"""Items of a last row that may be half-written."""
_SETTLED_SECONDS = 1.0
_REST = 9.0
"""How many times as long as the last reading took nothing is read again."""


class _Stamp(NamedTuple):
    file: int
    size: int
    changed: int


class GrowingFile:
    """Yields what a file holds, and None whenever there is no more for now; ends with the file if it is not followed.

    A file that has grown is read again from its beginning past what is known, which holds for every format that can be
    replayed, also for those that are written anew as a whole; reading takes a tenth of the time at most. What may be a
    half-written last row is left for the next time. A file that is shorter than before, or another one, begins anew.
    """

    is_live = False

    def __init__(self, path: Path, run: str | None, step_seconds: float, *, is_followed: bool) -> None:
        self._path, self._run, self._step_seconds, self._is_followed = path, run, step_seconds, is_followed
        self._seen: _Stamp | None = None
        self._taken = 0
        self.has_times = False

    def __iter__(self) -> Iterator[Sample | Event | None]:
        if not self._is_followed:
            yield from self._items()
            return
        due = 0.0
        while True:
            stamp = self._stamp()
            if stamp is not None and stamp != self._seen and stamp.size and time.monotonic() >= due:
                started = time.monotonic()
                yield from self._grown(stamp)
                due = time.monotonic() + _REST * (time.monotonic() - started)
            yield None

    def _items(self) -> Iterator[Sample | Event]:
        """Yield what comes after what has been taken."""
        recording = Recording(self._path, self._run, self._step_seconds)
        for item in islice(recording, self._taken, None):
            self.has_times = recording.has_times
            yield item

    def _grown(self, stamp: _Stamp) -> Iterator[Sample | Event]:
        if self._seen and (stamp.file != self._seen.file or stamp.size < self._seen.size):
            self._taken = 0
        held: list[Sample | Event] = []
        try:
            for item in self._items():
                if held and (len(held) >= MAX_HELD or not _is_of_one_row(held[-1], item)):
                    self._taken += len(held)
                    yield from held
                    held = []
                held.append(item)
        except (RecordingError, FileNotFoundError):
            if self._is_whole(stamp):
                raise  # else it has only just begun, or is being replaced
        if self._is_whole(stamp):
            self._seen = stamp
            self._taken += len(held)
            yield from held
        else:
            self._seen = stamp._replace(changed=-1)  # it is looked at again

    def _stamp(self) -> _Stamp | None:
        """Return what tells whether the file has changed; None while it is not there."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return _Stamp(status.st_ino, status.st_size, status.st_mtime_ns)

    def _is_whole(self, stamp: _Stamp) -> bool:
        """Tell whether the file has not changed since, and ends with a whole line or has not been written to lately."""
        if self._stamp() != stamp:
            return False
        with self._path.open("rb") as file:
            file.seek(stamp.size - 1)
            return file.read(1) == b"\n" or time.time() - stamp.changed / 1e9 > _SETTLED_SECONDS


def _is_of_one_row(before: Sample | Event, item: Sample | Event) -> bool:
    return (before.run, before.rank, before.step, before.time) == (item.run, item.rank, item.step, item.time)

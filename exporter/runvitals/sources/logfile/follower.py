"""One file that is followed: through growth, rotation, truncation and replacement."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from runvitals.sources.logfile.dating import Dated, Dating, Reading
from runvitals.sources.logfile.errors import DamagedFileError, NotAFileError, TooLargeError
from runvitals.sources.logfile.event_file import EventFile
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.history import History
from runvitals.sources.logfile.json_document import MAX_DOCUMENT, JsonDocument
from runvitals.sources.logfile.lines import MAX_LINE
from runvitals.sources.logfile.lives import Lives, Place
from runvitals.sources.logfile.mlflow_store import MlflowStore
from runvitals.sources.logfile.recognition import HEAD, AnyReader, StreamReader, recognise
from runvitals.sources.logfile.row import Clue, Rejected, Row
from runvitals.sources.logfile.table import Table
from runvitals.sources.logfile.text_log import TextLog

TAIL = 1 << 20
"""Bytes of a long file that are read at the first look: enough for every baseline to be warm."""

_FINGERPRINT = 256
_COMPARE_SECONDS = 10.0
"""After so long a table that was written anew holds all it held before, or it is another run's."""

_HALF_WRITTEN_SECONDS = 10.0


class FirstLook(NamedTuple):
    """How a file is looked at first; `start` and `stale_seconds` as in the settings.

    A file that was not there at `absent_at` (Unix time) is read from its beginning, as something that happens now.
    """

    start: str
    stale_seconds: float
    absent_at: float | None


class FileState(msgspec.Struct):
    """Where reading stands in a file.

    It is known again by `inode`, and by the checksum of its first `head_bytes`: a file system that is mounted again may
    number devices otherwise. `asleep` is the size of a file that was stale when it was first seen. `history` is that
    of a table that is being written anew, since `anew_since`. `has_caught_up` once its end has been read. It was looked
    at last at `looked`.
    """

    device: int = 0
    inode: int = 0
    offset: int = 0
    head: int = 0
    head_bytes: int = 0
    reader: AnyReader | None = None
    dating: Dating = msgspec.field(default_factory=Dating)
    asleep: int | None = None
    has_caught_up: bool = False
    history: History | None = None
    anew_since: float = 0.0
    stamp: tuple[int, int] | None = None
    looked: float | None = None
    lives: Lives = msgspec.field(default_factory=Lives)


class Follower:
    """Reads what is new in a file at each poll.

    `first_look` is for a file of which there is no saved state. A reader that has just been made goes through `adopt`.
    `patterns` are tried on lines of text before the formats known.
    """

    def __init__(
        self,
        path: str,
        first_look: FirstLook,
        state: FileState | None,
        adopt: Callable[[AnyReader], AnyReader],
        patterns: Sequence[LineFormat],
    ) -> None:
        self.path = path
        self.state = state or FileState()
        self._is_first_look = state is None
        self._start, self._stale_seconds, self._polled = first_look
        self._adopt = adopt
        if self.state.reader is not None:
            self.state.reader = adopt(self.state.reader)
        self._patterns = patterns
        self._file: int | None = None
        self._rest_size: int | None = None  # of the file whose rest is half a line
        self._modified = 0.0

    @property
    def place(self) -> Place | None:
        """The file as the last poll found it; None for one that many may share, or that is written whole."""
        if not self._is_stream:
            return None
        return Place(self.state.device, self.state.inode, self._modified, isinstance(self.state.reader, TextLog))

    def poll(self, now: float, limit: int, rejected: Rejected) -> tuple[list[Dated], float | None]:
        """Return what is new, of about `limit` bytes at most, and since when it has been written: the look before.

        None for what stood there at the first look. Raises OSError and FileError.
        """
        status = self._opened(now)
        self._modified = status.st_mtime
        since = self._polled if self.state.has_caught_up else None
        if self.state.has_caught_up and since is None:
            since = status.st_mtime  # what came while no sidecar ran is dated to the newest of it
        dated = [] if self._sleeps(status, now) else self._read(status, now, since, limit, rejected)
        is_wanted = since is not None or self._start != "end"
        looked = self._polled if self.state.looked is None else self.state.looked
        self._polled = self.state.looked = now
        return dated if is_wanted else [], looked if since is not None else None

    def close(self) -> None:
        """Give the file back; the state is kept."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _opened(self, now: float) -> os.stat_result:
        if self._file is None:
            self._open(now)
        status = os.fstat(self._descriptor)
        if not self._is_stream:
            return Path(self.path).stat()
        if status.st_size < self.state.offset or self._head_has_changed(status):
            self._begin_anew(now)
        elif self._is_at_rest(status) and self._is_replaced(status):
            self.close()
            self._adopt_file(_open_regular(self.path), now)
            return os.fstat(self._descriptor)
        return status

    def _is_at_rest(self, status: os.stat_result) -> bool:
        """Return whether there is nothing left to read in the file that is open."""
        return status.st_size in (self.state.offset, self._rest_size) or self.state.asleep is not None

    @property
    def _descriptor(self) -> int:
        if self._file is None:
            raise FileNotFoundError(2, "the file is gone", self.path)
        return self._file

    @property
    def _is_stream(self) -> bool:
        return not isinstance(self.state.reader, (JsonDocument, MlflowStore))

    def _open(self, now: float) -> None:
        """Open the file; where it was rotated while nobody read it, what is left of the old one comes first."""
        file = _open_regular(self.path)
        if self.state.inode and os.fstat(file).st_ino != self.state.inode:
            with suppress(OSError, NotAFileError):
                rotated = _open_regular(f"{self.path}.1")
                is_ours = os.fstat(rotated).st_ino == self.state.inode
                os.close(file if is_ours else rotated)
                file = rotated if is_ours else file
        self._adopt_file(file, now)

    def _adopt_file(self, file: int, now: float) -> None:
        self._file, status = file, os.fstat(file)
        if self._is_first_look:
            self._is_first_look = False
            self._look_first(status, now)
        elif self._is_stream and not self._is_same(status):
            self._begin_anew(now)
        self.state.device, self.state.inode = status.st_dev, status.st_ino

    def _look_first(self, status: os.stat_result, now: float) -> None:
        is_fresh = now - status.st_mtime <= self._stale_seconds
        if not status.st_size or (is_fresh and self._polled is not None):
            self.state.has_caught_up = True
        elif self._start == "end":
            self.state.offset = status.st_size
        elif self._start == "tail" and not is_fresh:
            self.state.asleep = status.st_size
        elif self._start == "tail":
            self.state.offset = max(0, status.st_size - TAIL)

    def _sleeps(self, status: os.stat_result, now: float) -> bool:
        """Return whether a file that was stale at the first look still is; awake, its tail is read."""
        if self.state.asleep is None:
            return False
        if status.st_size == self.state.asleep and now - status.st_mtime > self._stale_seconds:
            return True
        self.state.offset = max(0, min(self.state.asleep, status.st_size) - TAIL)
        self.state.asleep = None
        return False

    def _is_same(self, status: os.stat_result) -> bool:
        """Return whether the file that was opened is the one that the state is of."""
        is_known = status.st_ino == self.state.inode or status.st_dev != self.state.device
        return is_known and status.st_size >= self.state.offset and not self._head_has_changed(status)

    def _is_replaced(self, status: os.stat_result) -> bool:
        """Return whether the path has come to name another file than the one that is open, and read to its end."""
        try:
            now_there = Path(self.path).stat()
        except FileNotFoundError:
            return False
        return (now_there.st_dev, now_there.st_ino) != (status.st_dev, status.st_ino)

    def _head_has_changed(self, status: os.stat_result) -> bool:
        stamp = (status.st_size, status.st_mtime_ns)
        if not self.state.head_bytes or stamp == self.state.stamp:
            return False
        self.state.stamp = stamp
        return crc32(os.pread(self._descriptor, self.state.head_bytes, 0)) != self.state.head

    def _begin_anew(self, now: float) -> None:
        """The file holds something else from its first byte on; a table may hold what it held before, and more."""
        old = self.state.reader
        if isinstance(old, Table):
            self.state.history, self.state.anew_since = old.history, now
        self.state.lives.move()
        self.state = FileState(
            dating=self.state.dating,
            has_caught_up=self.state.has_caught_up,
            history=self.state.history,
            anew_since=self.state.anew_since,
            looked=self.state.looked,
            lives=self.state.lives,
        )
        status = os.fstat(self._descriptor)
        self.state.device, self.state.inode = status.st_dev, status.st_ino

    def _read(
        self, status: os.stat_result, now: float, since: float | None, limit: int, rejected: Rejected
    ) -> list[Dated]:
        if self.state.reader is None:
            self.state.reader = self._recognised()
        reader = self.state.reader
        if reader is None:
            return []
        if isinstance(reader, MlflowStore):
            rows = reader.read_new(self.path, now - self._stale_seconds)
            self.state.has_caught_up = True
            return self.state.dating.date(rows, Reading(now, now, since))
        if isinstance(reader, JsonDocument):
            rows = self._document(reader, status, now, rejected)
            return self.state.dating.date(rows, Reading(now, status.st_mtime, since))
        return self._stream(reader, status, Reading(now, status.st_mtime, since), limit, rejected)

    def _recognised(self) -> AnyReader | None:
        reader = recognise(self.path, os.pread(self._descriptor, HEAD, 0))
        if isinstance(reader, EventFile):
            self.state.offset = 0  # its records cannot be found from the middle
        elif isinstance(reader, MlflowStore):
            reader.row = 0 if self._start == "beginning" else None
        elif self.state.offset and reader is not None and not isinstance(reader, JsonDocument):
            reader.cutter.passing = os.pread(self._descriptor, 1, self.state.offset - 1) != b"\n"
        if isinstance(reader, Table):
            self._give_history(reader)
        self.state.history = None
        return self._adopt(reader) if reader is not None else None

    def _give_history(self, table: Table) -> None:
        if self.state.history is None:
            table.history.begins_within = self.state.offset > 0
        else:
            table.history = self.state.history
            table.history.start_anew()

    def _document(self, reader: JsonDocument, status: os.stat_result, now: float, rejected: Rejected) -> list[Row]:
        stamp = (status.st_size, status.st_mtime_ns)
        if stamp == self.state.stamp:
            return []
        if status.st_size > MAX_DOCUMENT:
            raise TooLargeError(f"larger than {MAX_DOCUMENT >> 20} MiB")
        with Path(self.path).open("rb") as file:
            text = file.read(MAX_DOCUMENT)
        try:
            rows = reader.read_all(text, rejected, status.st_mtime)
        except DamagedFileError:
            if now - status.st_mtime < _HALF_WRITTEN_SECONDS:
                return []
            raise
        self.state.stamp, self.state.has_caught_up = stamp, True
        return rows

    def _stream(
        self, reader: StreamReader, status: os.stat_result, reading: Reading, limit: int, rejected: Rejected
    ) -> list[Dated]:
        begin = self.state.offset
        items = self._items(reader, limit, rejected)
        self._take_fingerprint()
        left = max(0, status.st_size - self.state.offset)
        at_end = self._rest_size is not None or not left
        self.state.has_caught_up |= at_end
        if at_end and isinstance(reader, Table) and reader.history.is_known:
            self._judge_history(reader, reading.now)
        bytes_a_row = (self.state.offset - begin) / len(items) if items else 1.0
        rows_after = 0.0 if at_end else max(1.0, left / max(1.0, bytes_a_row))
        return self.state.dating.date(items, reading._replace(rows_after=rows_after))

    def _items(self, reader: StreamReader, limit: int, rejected: Rejected) -> list[Row | Clue]:
        items: list[Row | Clue] = []
        end = self.state.offset + limit
        self._rest_size = None
        while self.state.offset < end:
            data = os.pread(self._descriptor, MAX_LINE, self.state.offset)
            try:
                consumed, rows = reader.read(data, rejected, self._patterns)
            except DamagedFileError:
                if items:
                    break  # what was read before the damage counts; the next poll fails
                raise
            self.state.offset += consumed
            items += rows
            if not consumed:
                self._rest_size = self.state.offset + len(data)
                break
        return items

    def _take_fingerprint(self) -> None:
        wanted = min(self.state.offset, _FINGERPRINT)
        if wanted > self.state.head_bytes:
            self.state.head_bytes = wanted
            self.state.head = crc32(os.pread(self._descriptor, wanted, 0))

    def _judge_history(self, table: Table, now: float) -> None:
        """What is known does not come again: another run has written over the table, and all of it is news."""
        if now - self.state.anew_since > _COMPARE_SECONDS:
            table.history.forget()
            self.state.offset = 0


def _open_regular(path: str) -> int:
    """Return a descriptor. Raises OSError, and NotAFileError for what might block or is no file."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotAFileError("not a regular file")
    return file

"""The journal of incidents, written by a thread of its own, so that no disk ever holds up the pipeline."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Iterable, Set
from itertools import islice
from pathlib import Path

import msgspec

from runvitals.sinks import journal_file, writing
from runvitals.sinks.journal_file import UnusableJournalError
from runvitals.sinks.settings import JournalSettings
from runvitals.values import IncidentChange, JournalView

_log = logging.getLogger(__name__)

FILE_NAME = "incidents.sqlite"
MAX_BATCH = 64
FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 30.0


class _Settlement(msgspec.Struct, frozen=True):
    """What is open, and when that was so."""

    open_ids: frozenset[str]
    time: float


class Journal:
    """Takes changes of findings and writes them in order.

    A change stays pending until it is on disk; while the disk refuses, it is tried again. Where more wait than the
    settings allow, the newest is dropped and counted, and everything is asked for anew (`wants_all`) once there is
    room. An unusable file is kept aside, and a new one begun. `config` is the fingerprint kept with new incidents.
    """

    def __init__(self, folder: Path, settings: JournalSettings, config: str) -> None:
        self.config = config
        self._path = folder / FILE_NAME
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._pending: deque[IncidentChange | _Settlement] = deque()
        self._changed = threading.Condition()
        self._misses_some = True  # what the state file knows, the journal may not
        self._written = self._failures = self._pruned = self._incidents = self._size = 0
        self._backlog = 0
        self._dropped: Counter[str] = Counter()
        self._error = ""
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Write what is pending if that takes no longer than so, and end."""
        if not self._thread.is_alive():
            return
        self.flush(seconds)
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join(seconds)  # what it waits for longer is in the state file, and is written after the next start

    def offer(self, change: IncidentChange) -> None:
        """Take a change."""
        self._enqueue(change)

    def offer_all(self, changes: Iterable[IncidentChange]) -> None:
        """Take what was asked for: all of it, however much may wait otherwise."""
        with self._changed:
            before = len(self._pending)
            self._pending.extend(changes)
            self._backlog += len(self._pending) - before
            self._changed.notify_all()

    def settle(self, open_ids: Set[str], now: float) -> None:
        """Close what is open here but not among `open_ids`."""
        self._enqueue(_Settlement(frozenset(open_ids), now))

    def pending(self) -> list[IncidentChange]:
        """Return the changes that are not on disk yet."""
        with self._changed:
            return [one for one in self._pending if isinstance(one, IncidentChange)]

    def wants_all(self) -> bool:
        """Return True, once, where changes were missed and there is room for them now."""
        with self._changed:
            wants = self._misses_some and not self._pending
            self._misses_some = self._misses_some and not wants
            return wants

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is pending, at most so long; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, seconds)

    def view(self) -> JournalView:
        """Return how the journal is doing."""
        with self._changed:
            return JournalView(
                written=self._written,
                pending=len(self._pending),
                dropped=dict(self._dropped),
                failures=self._failures,
                pruned=self._pruned,
                incidents=self._incidents,
                size_bytes=self._size,
                error=self._error,
            )

    def _enqueue(self, item: IncidentChange | _Settlement) -> None:
        with self._changed:
            if len(self._pending) >= self._settings.max_pending + self._backlog:
                self._drop("queue_full", "too much waits to be written to the journal; it is asked for again later")
                self._misses_some = True
                return
            self._pending.append(item)
            self._changed.notify_all()

    def _drop(self, reason: str, sentence: str) -> None:
        with self._changed:
            if not self._dropped[reason]:
                _log.warning("a change of an incident is dropped: %s", sentence)
            self._dropped[reason] += 1

    def _run(self) -> None:
        retry = 0.0
        while self._wait(retry):
            retry = 0.0 if self._try_to_write() else min(max(2.0 * retry, FIRST_RETRY_SECONDS), MAX_RETRY_SECONDS)
        self._close()

    def _wait(self, retry: float) -> bool:
        """Wait for something to do, and `retry` seconds in any case; return False at the end."""
        with self._changed:
            if retry:
                self._changed.wait_for(lambda: self._is_stopping, retry)
            # The file is opened at once, so that what is wrong with it is said at the start.
            self._changed.wait_for(lambda: self._is_stopping or self._pending or self._connection is None)
            return not self._is_stopping

    def _try_to_write(self) -> bool:
        try:
            self._write_batch(self._open())
        except Exception as error:  # noqa: BLE001  # a journal that ends silently would be worse than any error
            self._fail(error)
            return False
        if self._error:
            _log.info("the journal is written again")
            self._error = ""
        return True

    def _fail(self, error: Exception) -> None:
        self._close()
        self._failures += 1
        if isinstance(error, UnusableJournalError) or journal_file.is_damage(error):
            self._set_aside(error)
        elif str(error) != self._error:
            _log.warning("the journal %s cannot be written, it is tried again: %s", self._path, error)
        self._error = str(error)

    def _set_aside(self, error: Exception) -> None:
        try:
            aside = journal_file.set_aside(self._path)
        except OSError as problem:
            _log.warning("%s, and it cannot be moved: %s", error, problem)
            return
        _log.warning("a new journal is begun: %s; the old one is kept as %s", error, aside)
        with self._changed:
            self._misses_some = True

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_ours():
            _log.warning("the journal %s was removed or replaced; it is opened anew", self._path)
            self._close()
            with self._changed:
                self._misses_some = True
        if self._connection is None:
            self._connection = journal_file.open_for_writing(self._path)
            self._file = self._path.stat().st_ino
        return self._connection

    def _is_ours(self) -> bool:
        try:
            return self._path.stat().st_ino == self._file
        except FileNotFoundError:
            return False

    def _write_batch(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            batch = list(islice(self._pending, MAX_BATCH))
        unfit = 0
        with journal_file.explained(self._path), journal_file.transaction(connection):
            for item in batch:
                unfit += not self._write(connection, item)
            pruned = writing.prune(connection, self._settings.max_incidents, self._settings.max_bytes)
            [incidents] = connection.execute("SELECT count(*) FROM incidents").fetchone()
        self._acknowledge(batch, unfit, pruned, incidents)
        if pruned:
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        self._size = journal_file.size_bytes(self._path)

    def _write(self, connection: sqlite3.Connection, item: IncidentChange | _Settlement) -> bool:
        try:
            if isinstance(item, _Settlement):
                writing.close_others(connection, item.open_ids, item.time)
            else:
                writing.write_change(connection, item, self.config)
        except (ValueError, TypeError, OverflowError) as error:
            self._drop("unfit", f"it cannot be written down: {error}")
            return False
        return True

    def _acknowledge(self, batch: list[IncidentChange | _Settlement], unfit: int, pruned: int, incidents: int) -> None:
        with self._changed:
            self._pruned += pruned
            self._incidents = incidents
            for _ in batch:
                self._pending.popleft()
            self._backlog = min(self._backlog, len(self._pending))
            self._written += sum(isinstance(one, IncidentChange) for one in batch) - unfit
            self._changed.notify_all()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

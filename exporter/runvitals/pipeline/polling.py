"""Each source in a thread of its own, so that one that hangs or fails never delays or blanks another."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from runvitals.sources.source import Source
from runvitals.values import Poll, SourceView

_log = logging.getLogger(__name__)

LATE_POLLS = 10
"""A poll that takes longer than so many intervals (and `LATE_SECONDS`) counts as hanging."""

LATE_SECONDS = 15.0


class Batch(msgspec.Struct, frozen=True):
    """What one poll of a source brought; `error` is a sentence if it failed.

    It was `started` at a Unix time and `finished` at a monotonic one, in seconds.
    """

    source: str
    started: float
    seconds: float
    finished: float
    poll: Poll
    error: str = ""


class Poller:
    """Polls one source at its interval and puts a batch for each poll on the queue.

    The queue is bounded: while the pipeline is behind, the poller waits, and what it has not polled stays in the ring,
    the file or the socket's buffer.
    """

    def __init__(self, source: Source, batches: queue.Queue[Any], clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self._batches = batches
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"source-{source.name}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for one last poll, which drains the source, and the end."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Wait for the last poll, at most `timeout` seconds; return whether the source has been closed."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self._poll_once()
            self._stop.wait(max(0.0, started + self.source.interval - time.monotonic()))
        if not self.source.listens:
            self._poll_once()
        self.source.close()

    def _poll_once(self) -> None:
        now, started = self._clock(), time.monotonic()
        try:
            poll = self.source.poll(now)
            error = poll.error
        except Exception as problem:  # noqa: BLE001  # whatever a source raises is its own outage
            poll, error = Poll(), f"{type(problem).__name__}: {problem}"
        finished = time.monotonic()
        self._batches.put(Batch(self.source.name, now, finished - started, finished, poll, error))


class SourceHealth:
    """What is known about one source: kept by the pipeline's thread from the batches that arrive.

    Silence is told by the monotonic clock: the wall clock may jump.
    """

    def __init__(self, source: Source, moment: float) -> None:
        self._name, self._kind = source.name, source.kind
        self._patience = max(LATE_POLLS * source.interval, LATE_SECONDS)
        self._last_batch = moment
        self._seconds: float | None = None
        self._last_success: float | None = None
        self._error = ""
        self._samples = 0
        self._rejected: Counter[str] = Counter()

    def note(self, batch: Batch) -> None:
        """Take in a finished poll."""
        if batch.error and batch.error != self._error:
            _log.warning("source %s is down: %s", self._name, batch.error)
        elif self._error and not batch.error:
            _log.info("source %s is up again", self._name)
        self._error = batch.error
        self._last_batch = batch.finished
        self._seconds = batch.seconds
        self._samples += len(batch.poll.items)
        self._rejected.update(batch.poll.rejected)
        if not batch.error:
            self._last_success = batch.started

    @property
    def last_success(self) -> float | None:
        """Unix time at which the last successful poll began: what happened before it has been seen."""
        return self._last_success

    @property
    def has_answered(self) -> bool:
        """True once a poll has succeeded or failed."""
        return self._seconds is not None

    def view(self, moment: float) -> SourceView:
        """Return the source as the page shows it; a poll that has not come back for long is an outage."""
        silence = moment - self._last_batch
        error = f"no poll has finished for {silence:.0f} s" if silence > self._patience else self._error
        return SourceView(
            name=self._name,
            kind=self._kind,
            up=self.has_answered and not error,
            error=error,
            poll_seconds=self._seconds,
            last_success=self._last_success,
            samples=self._samples,
            rejected=dict(self._rejected),
        )

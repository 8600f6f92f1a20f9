"""Tells one Alertmanager, in a thread of its own: one that hangs keeps no other from being told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from runvitals.sinks.alertmanager.http_post import RefusedError, post, target_of
from runvitals.sinks.alertmanager.outbox import Outbox, Posting
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.values import AlertmanagerView

_log = logging.getLogger(__name__)

MAX_BATCH = 128
LOOK_SECONDS = 1.0
"""How often it is looked whether an alert is to be told again; what changes is told at once."""


class Backoff(NamedTuple):
    """How long to wait after a failure, in seconds; each further failure doubles it."""

    first: float = 0.5
    largest: float = 30.0


class Poster:
    """Posts what is due to one URL, again and again until it is taken."""

    def __init__(
        self,
        url: str,
        outbox: Outbox,
        settings: AlertmanagerSettings,
        backoff: Backoff,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._outbox, self._settings = url, outbox, settings
        self._backoff, self._clock = backoff, clock
        self._wait = 0.0
        self._sent = self._failures = self._refused = 0
        self._last_success: float | None = None
        self._error = ""
        self._stopping = threading.Event()
        self._seen = -1
        self._thread = threading.Thread(target=self._run, name="alertmanager", daemon=True)

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to tell once more all that stands, and to end; `join` waits for it."""
        self._stopping.set()
        with self._outbox.changed:
            self._outbox.changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait at most so long for the end."""
        self._thread.join(seconds)

    def view(self) -> AlertmanagerView:
        """Return how it goes."""
        return AlertmanagerView(
            url=self._url,
            sent=self._sent,
            failures=self._failures,
            refused=self._refused,
            pending=self._outbox.pending(self._url),
            last_success=self._last_success,
            error=self._error,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._post_due()
            if self._wait:
                self._stopping.wait(self._wait)
            else:
                self._await_change()
        self._post_due(everything=True)
        self._post_due()  # the end of what had come and gone untold

    def _await_change(self) -> None:
        with self._outbox.changed:
            if self._seen == self._outbox.version and not self._stopping.is_set():
                self._outbox.changed.wait(LOOK_SECONDS)
            self._seen = self._outbox.version

    def _post_due(self, *, everything: bool = False) -> None:
        due = self._outbox.due(self._url, self._clock(), everything=everything)
        for start in range(0, len(due), MAX_BATCH):
            if not self._try_to_post(due[start : start + MAX_BATCH]):
                return

    def _try_to_post(self, batch: list[Posting]) -> bool:
        try:
            post(target_of(self._url, self._settings), [one.payload for one in batch], self._settings.timeout)
        except RefusedError as error:
            self._refused += len(batch)
            self._note_failure(error)
        except Exception as error:  # noqa: BLE001  # a thread that ends silently would be worse than any error
            self._note_failure(error)
            self._wait = min(max(2.0 * self._wait, self._backoff.first), self._backoff.largest)
            return False
        else:
            self._note_success(len(batch))
        self._wait = 0.0
        self._outbox.confirm(self._url, batch, self._clock())
        return True

    def _note_failure(self, error: Exception) -> None:
        self._failures += 1
        if str(error) != self._error:
            _log.warning("Alertmanager %s was not told: %s", self._url, error)
        self._error = str(error)

    def _note_success(self, count: int) -> None:
        self._sent += count
        self._last_success = self._clock()
        if self._error:
            _log.info("Alertmanager %s is told again", self._url)
        self._error = ""

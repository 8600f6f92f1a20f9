"""Follows what is open on the page, and has every Alertmanager told of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runvitals.catalogue.alerts import RUNBOOKS
from runvitals.sinks.alertmanager import outbox_file
from runvitals.sinks.alertmanager.alert import Alert, alert_of
from runvitals.sinks.alertmanager.outbox import Outbox
from runvitals.sinks.alertmanager.poster import Backoff, Poster
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.values import FastPathView, Snapshot

_log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
"""How often it is looked whether there is a newer snapshot."""
SAVE_SECONDS = 1.0


class FastPath:
    """Posts critical findings as soon as a snapshot shows them active; at the end those of every severity.

    Works from snapshots, in threads of its own: no Alertmanager ever holds up the pipeline. What is active is what the
    page of metrics shows as such, so that Prometheus's rule and this agree. With a file (in the state folder), what was
    not told yet survives a restart.
    """

    def __init__(
        self,
        newest: Callable[[], Snapshot | None],
        settings: AlertmanagerSettings,
        file: Path | None,
        backoff: Backoff = Backoff(),  # noqa: B008  # immutable
        *,
        runbooks: str = RUNBOOKS,
    ) -> None:
        self._newest, self._settings, self._file = newest, settings, file
        self._runbooks = runbooks
        self.outbox = Outbox(settings.urls, settings.resend, settings.resolve_after, settings.max_alerts)
        if file:
            self.outbox.restore(outbox_file.load(file))
        self._posters = [Poster(url, self.outbox, settings, backoff) for url in settings.urls]
        self._seen: Snapshot | None = None
        self._saved, self._save_due = self.outbox.version, 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fast-path", daemon=True)

    def start(self) -> None:
        """Begin to follow and to post."""
        self._thread.start()
        for poster in self._posters:
            poster.start()

    def stop(self, seconds: float) -> None:
        """Tell what the last snapshot shows, which Prometheus may never scrape, in at most so many seconds; and end."""
        deadline = time.monotonic() + seconds
        self._stopping.set()
        self._thread.join(seconds)
        self._follow(is_last=True)
        for poster in self._posters:
            poster.stop()
        for poster in self._posters:
            poster.join(max(0.0, deadline - time.monotonic()))
        self._save()

    def view(self) -> FastPathView:
        """Return how it goes."""
        return FastPathView(tuple(poster.view() for poster in self._posters), self.outbox.dropped)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            self._follow()
            if time.monotonic() >= self._save_due:
                self._save_due = time.monotonic() + SAVE_SECONDS
                self._save()

    def _follow(self, *, is_last: bool = False) -> None:
        snapshot = self._newest()
        if snapshot is None or (snapshot is self._seen and not is_last):
            return
        self._seen = snapshot
        try:
            self.outbox.follow(self._alerts(snapshot, is_last=is_last), time.time())
        except Exception:  # noqa: BLE001  # one bad snapshot must not end the fast path
            _log.exception("a snapshot could not be taken in by the fast path")

    def _alerts(self, snapshot: Snapshot, *, is_last: bool) -> Iterator[Alert]:
        for rank in snapshot.ranks:
            for finding in rank.active:
                if is_last or finding.severity == "critical":
                    yield alert_of(finding, self._settings, self._runbooks)

    def _save(self) -> None:
        if self._file is None or self._saved == self.outbox.version:
            return
        version = self.outbox.version
        try:
            outbox_file.save(self._file, self.outbox.saved())
        except OSError as error:
            _log.warning("what Alertmanager is to be told cannot be saved: %s: %s", self._file, error.strerror)
        self._saved = version  # a disk that refuses is asked again at the next change

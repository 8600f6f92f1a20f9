"""Builds every part from a config; starts, stops, reloads."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from runvitals.config import Config, ConfigError, Overlay, fingerprint, load, to_yaml
from runvitals.config.settings import LogSettings
from runvitals.diagnosis.settings import resolve
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.server import Server
from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import CheckpointError
from runvitals.pipeline.live import LivePipeline
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sinks.advice import AdviceFiles
from runvitals.sinks.alertmanager import outbox_file
from runvitals.sinks.alertmanager.fast_path import FastPath
from runvitals.sinks.journal import FILE_NAME, Journal
from runvitals.sinks.operator_source import OperatorSource
from runvitals.sinks.reading import Filter, reading
from runvitals.sources import OPERATOR, build_source, named_sources
from runvitals.sources.source import Source
from runvitals.state_folder import StateFolder, StateFolderError, default_path
from runvitals.values import Incident, IncidentChange, IncidentRecord, Snapshot

_log = logging.getLogger(__name__)

STOP_SECONDS = 1.0
"""What the journal may take at the end; what it has not written by then is in the state file."""
LAST_POST_SECONDS = 5.0
"""What the fast path may take at the end, to tell what Prometheus would never scrape."""


class App:
    """One sidecar: sources, pipeline and web server, made from one config.

    `overlays` go over what the file says, each time it is loaded (without them the environment does); `configure_logs`
    is applied to the log settings. Where the config names no folder for state, the default one is used, or with
    `default_state=False` none. Raises ConfigError, StateFolderError, or OSError if the address is taken.
    """

    def __init__(
        self,
        config_file: Path | None,
        overlays: Sequence[Overlay] | None = None,
        configure_logs: Callable[[LogSettings], None] = lambda _: None,
        *,
        default_state: bool = True,
    ) -> None:
        self._file, self._overlays, self._configure_logs = config_file, overlays, configure_logs
        self._config = load(config_file, overlays)
        configure_logs(self._config.log)
        self._reload_status = ReloadStatus(successful=True, last_success=time.time())
        self._reloading = threading.Lock()
        self._state = _open_state(self._config, default_state=default_state)
        self._journal = _build_journal(self._state, self._config)
        self._journal_file = self._state.path / FILE_NAME if self._state and self._journal else None
        self._fast_path = self._build_fast_path()
        self._live = self._build_live()
        self._advice = AdviceFiles(self.snapshot) if self._config.advice.enabled else None
        self._server = Server(self._config.web, self)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port on which the web server listens."""
        return self._server.address

    def start(self) -> None:
        """Listen, then begin to watch."""
        try:
            self._server.start()
        except BaseException:
            if self._state:
                self._state.close()
            raise
        sources: list[Source] = [build_source(name, one) for name, one in named_sources(self._config.sources).items()]
        if self._journal and self._journal_file:
            self._journal.start()
            sources.append(OperatorSource(self._journal_file))
        self._live.start(sources)
        if self._advice:
            self._advice.start()
        if self._fast_path:
            self._fast_path.start()

    def abandon(self) -> None:
        """In a forked child, which has none of the threads: let go of the address, which is the parent's."""
        self._server.abandon()

    def stop(self) -> None:
        """Drain the sources, save the state, stop listening."""
        self._live.stop()
        if self._advice:
            self._advice.stop()
        if self._fast_path:
            self._fast_path.stop(LAST_POST_SECONDS)
        if self._journal:
            self._journal.stop(STOP_SECONDS)
        self._server.stop()
        if self._state:
            self._state.close()

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot."""
        return self._live.snapshot

    def look(self) -> None:
        """Note that a person looks."""
        self._live.look()

    def incidents(self, limit: int) -> list[Incident] | None:
        """Return so many incidents of the journal, the newest first; None without a journal. Raises JournalError."""
        if self._journal_file is None:
            return None
        with reading(self._journal_file) as reader:
            return reader.incidents(Filter(limit=limit))

    def incident(self, identity: str) -> IncidentRecord | None:
        """Return what the journal keeps of the incident of this ID; None where it has none. Raises JournalError."""
        if self._journal_file is None:
            return None
        with reading(self._journal_file) as reader:
            incident = reader.get(identity)
            return reader.record(incident) if incident else None

    def config_text(self) -> str:
        """Return the config in force as YAML, secrets redacted."""
        return to_yaml(self._config)

    def reload_status(self) -> ReloadStatus:
        """Return how the last load of the config went."""
        return self._reload_status

    def reload(self) -> str | None:
        """Load the config again; series are kept. Returns None, or why it was refused: the old one stays then."""
        with self._reloading:  # SIGHUP and POST /-/reload come in different threads
            try:
                self._apply(load(self._file, self._overlays))
            except ConfigError as error:
                _log.error("reload refused, the old config stays: %s", error)  # the sentence says it all
                return self._refused(str(error))
            except Exception as error:  # noqa: BLE001  # a reload that fails must not end the watch
                _log.exception("reload failed")
                return self._refused(f"{type(error).__name__}: {error}")
            _log.info("config reloaded")
            self._reload_status = ReloadStatus(successful=True, last_success=time.time())
            return None

    def _refused(self, reason: str) -> str:
        self._reload_status = self._reload_status._replace(successful=False)
        return reason

    def _apply(self, config: Config) -> None:
        before, after = self._config, config
        for name in ("web", "state", "journal", "advice", "alertmanager"):
            if getattr(before, name) != getattr(after, name):
                raise ConfigError(str(self._file), name, "cannot change while running: restart to apply it")
        table = resolve(after.faults)
        old, new = named_sources(before.sources), named_sources(after.sources)
        changed = {name: build_source(name, one) for name, one in new.items() if old.get(name) != one}
        self._live.reconfigure(
            lambda pipeline: pipeline.reconfigure(after.series, after.ranks, table, after.false_alarms),
            changed,
            {*new, OPERATOR},
            after.tick_seconds,
        )
        self._configure_logs(after.log)
        self._config = after
        if self._journal:
            self._journal.config = fingerprint(after)

    def _build_fast_path(self) -> FastPath | None:
        settings = self._config.alertmanager
        file = self._state.path / outbox_file.FILE_NAME if self._state else None
        runbooks = self._config.web.runbook_url
        return FastPath(self.snapshot, settings, file, runbooks=runbooks) if settings.urls else None

    def _build_live(self) -> LivePipeline:
        config = self._config
        report = self._journal.offer if self._journal else _nowhere
        pipeline = Pipeline(config.series, config.ranks, resolve(config.faults), report, config.false_alarms)
        state_file = self._state.checkpoint if self._state else None
        fast_path = self._fast_path.view if self._fast_path else _no_fast_path
        live = LivePipeline(
            pipeline,
            config.tick_seconds,
            state_file,
            config.state.interval,
            sink=self._journal,
            fast_path=fast_path,
        )
        if state_file:
            _restore(live, state_file)
        return live


def _no_fast_path() -> None:
    """How the fast path is doing where there is none."""


def _nowhere(_: IncidentChange) -> None:
    """Where changes of findings go without a journal."""


def _build_journal(state: StateFolder | None, config: Config) -> Journal | None:
    if state is None or not config.journal.enabled:
        return None
    return Journal(state.path, config.journal, fingerprint(config))


def _restore(live: LivePipeline, state_file: Path) -> None:
    try:
        saved = checkpoint.load(state_file)
    except CheckpointError as error:
        aside = state_file.with_suffix(".unusable")
        state_file.replace(aside)
        _log.warning("beginning anew: %s; it is kept as %s", error, aside)
        return
    if saved:
        live.restore(saved)


def _open_state(config: Config, *, default_state: bool) -> StateFolder | None:
    """Return the state folder. A default one that cannot be written is done without; one asked for is an error."""
    if not default_state and not config.state.directory:
        return None
    if config.state.directory or os.environ.get("RUNVITALS_STATE_DIR"):
        return StateFolder(Path(config.state.directory or default_path(os.environ)))
    try:
        return StateFolder(default_path(os.environ))
    except StateFolderError as error:
        if isinstance(error.__cause__, BlockingIOError):
            raise
        _log.warning("baselines will not survive a restart, and there is no journal of incidents: %s", error)
        return None

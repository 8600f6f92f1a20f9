"""The whole exporter in a thread of the user's process, for notebooks and single machines.

    run = runvitals.watch("notebook")
    exporter = runvitals.embedded.serve(":9877")

It shares the process with the training: its own run's ring is read through the writer's descriptor (see
`client.own_rings`), a crash of the process is the end of both, and what holds the interpreter's lock holds it up too.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from runvitals.client.warning import warn
from runvitals.client.watch import close_open_runs

if TYPE_CHECKING:
    from runvitals.app import App

__all__ = ["Exporter", "serve"]

STOP_SECONDS = 2.0
"""How long stopping may take; what has not ended by then ends with the process."""


class Exporter:
    """An exporter in a thread of this process; a context manager that stops it.

    `address` is the host and port where it listens, None where it could not start, and once it has stopped.
    """

    def __init__(self, listen_address: str, config_file: str | os.PathLike[str] | None) -> None:
        self.asked_address = listen_address
        self.address: tuple[str, int] | None = None
        self.problem: Exception | None = None
        self._config_file = config_file
        self._app: App | None = None
        self._started, self._stopping = threading.Event(), threading.Event()
        # Made once and for all: while the interpreter ends it starts no thread.
        self._thread: threading.Thread | None = threading.Thread(target=self._run, name="runvitals", daemon=True)
        try:
            self._thread.start()
            self._started.wait()
        except RuntimeError as problem:  # no thread can be started
            self._thread, self.problem = None, problem

    def stop(self) -> None:
        """Take in what was logged until now, and stop serving. May be called again; does nothing in a forked child."""
        thread, self._thread = self._thread, None
        self.address = None
        if thread is not None:
            self._stopping.set()
            thread.join(STOP_SECONDS)

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_serving(self) -> bool:
        """False where it could not start, once it has stopped, and in a forked child."""
        return self.address is not None

    def _run(self) -> None:
        try:
            self._app = app = _build(self.asked_address, self._config_file)
            app.start()
            self.address = app.address
        except Exception as problem:  # noqa: BLE001  # whoever asked for it warns, in the user's own thread
            self.problem = problem
            return
        finally:
            self._started.set()
        self._stopping.wait()
        app.stop()

    def _abandon(self) -> None:
        """In a forked child: there is no thread, and the address is the parent's."""
        self._thread = self.address = None
        if self._app is not None:
            self._app.abandon()


def serve(listen_address: str = ":9877", *, config_file: str | os.PathLike[str] | None = None) -> Exporter:
    """Watch the runs of this machine, this process's own among them, and serve what `runvitals serve` serves.

    Returns once it listens. Watched are ring folders, their processes and GPUs, or the sources of `config_file`. State
    is kept only where that names a folder (`state.directory`). Never raises: where it cannot start (the port is in use,
    the config is wrong) there is one warning, and the training goes on without. A process has one exporter: a second
    call returns the one that serves. It ends with `stop`, or with the process, within two seconds.
    """
    serving = _serving[0] if _serving else None
    if serving is not None and serving.is_serving:
        if serving.asked_address != listen_address:
            warn(f"the exporter of this process listens on {serving.asked_address!r}: stop() it first")
        return serving
    _hook_once()
    exporter = Exporter(listen_address, config_file)
    _serving[:] = [exporter]
    if exporter.problem is not None:
        warn("no exporter runs in this process", exporter.problem)
    return exporter


_serving: list[Exporter] = []
_hooked: list[bool] = []


def _build(listen_address: str, config_file: str | os.PathLike[str] | None) -> App:
    # Here, not above: it takes half a second, and may not be installed where only the client is wanted.
    import msgspec

    from runvitals.app import App
    from runvitals.config import Overlay, from_environment
    from runvitals.sources import default_sources
    from runvitals.sources.statsd import StatsdSettings

    overlays = [*from_environment(os.environ), Overlay("web.listen_address", listen_address, "serve()")]
    if not config_file:  # StatsD's address belongs to the machine's sidecar: this process logs directly
        sources = [one for one in default_sources() if not isinstance(one, StatsdSettings)]
        overlays.insert(0, Overlay("sources", msgspec.to_builtins(sources), "serve()"))
    return App(Path(config_file) if config_file else None, overlays, default_state=False)


def _hook_once() -> None:
    if not _hooked:
        _hooked.append(True)
        atexit.register(_stop_at_exit)
        os.register_at_fork(after_in_child=_abandon_after_fork)


def _stop_at_exit() -> None:
    if _serving:
        close_open_runs()  # first, so that their ends are seen
        _serving[0].stop()


def _abandon_after_fork() -> None:
    while _serving:
        _serving.pop()._abandon()

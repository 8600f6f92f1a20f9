"""`runvitals serve`: the sidecar, until SIGTERM or SIGINT; SIGHUP loads the config again."""

from __future__ import annotations

import argparse
import logging
import signal
import socket

from runvitals import __version__
from runvitals.app import App
from runvitals.cli import config_arguments, logs
from runvitals.cli.errors import CannotRunError
from runvitals.state_folder import StateFolderError

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = logging.getLogger(__name__)

add_arguments = config_arguments.add_arguments


def main(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    received, woken = _listen()
    try:
        app = App(arguments.config_file, config_arguments.overlays(arguments), logs.configure)
        app.start()
    except (StateFolderError, OSError) as error:
        raise CannotRunError(str(error)) from error
    _say_where(app)
    while received.recv(1)[0] == signal.SIGHUP:
        app.reload()
    _log.info("stopping: draining the sources and saving the state")
    app.stop()
    signal.set_wakeup_fd(-1)
    woken.close()
    return 0


def _listen() -> tuple[socket.socket, socket.socket]:
    """Return where the number of each signal can be read, and what writes it there, which must be kept.

    A handler in Python runs once the main thread wakes, which a signal that another thread gets does not see to; what
    writes to the file of `set_wakeup_fd` is the handler in C, in whichever thread.
    """
    received, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)
    return received, woken


def _say_where(app: App) -> None:
    host, port = app.address
    shown = f"[{host}]" if ":" in host else host
    _log.info("runvitals %s serves http://%s:%d/metrics", __version__, shown, port)
    _log.info("whoever reaches this address can read run names, metrics, findings and the config (without secrets)")

"""`runvitals serve`: the sidecar, until SIGTERM or SIGINT; SIGHUP loads the config again."""

from __future__ import annotations

import argparse
import logging
import signal

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
    # Blocked in every thread that begins after this, and waited for: a handler runs once the main thread wakes, which a
    # signal that another thread gets does not see to.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        app = App(arguments.config_file, config_arguments.overlays(arguments), logs.configure)
        app.start()
    except (StateFolderError, OSError) as error:
        raise CannotRunError(str(error)) from error
    _say_where(app)
    while signal.sigwait(_SIGNALS) == signal.SIGHUP:
        app.reload()
    _log.info("stopping: draining the sources and saving the state")
    app.stop()
    return 0


def _say_where(app: App) -> None:
    host, port = app.address
    shown = f"[{host}]" if ":" in host else host
    _log.info("runvitals %s serves http://%s:%d/metrics", __version__, shown, port)
    _log.info("whoever reaches this address can read run names, metrics, findings and the config (without secrets)")

"""The programs that run for the quickstart. None outlives it, even where it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SECONDS_TO_STOP = 15.0
TAIL_LINES = 8


class ProgramEndedError(Exception):
    """A program ended although nobody had stopped it."""


class Processes:
    """Programs by name, each with a log file of its own, stopped in the order opposite to that of their start."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program under a name; what it writes goes to its log. Raises OSError where it cannot be started."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C reaches the quickstart alone, which stops them in order
                preexec_fn=_ends_with(os.getpid()),  # noqa: PLW1509 -- there are no threads here
            )

    def log(self, name: str) -> Path:
        """Return the log file of a program."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise ProgramEndedError, with the end of its log, if a program has ended by itself."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                raise ProgramEndedError(f"{name} ended by itself (exit code {code}); {self.tail(name)}")

    def tail(self, name: str) -> str:
        """Return the last lines of a program's log, for a person to read."""
        lines = self.log(name).read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n    ".join([f"the end of {self.log(name)}:", *lines])

    def stop(self, name: str) -> int:
        """Stop a program, at worst by force, and return its exit code (negative: the signal that ended it)."""
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def stop_all(self) -> None:
        """Stop whatever still runs, the newest first."""
        for name in reversed(list(self._running)):
            self.stop(name)


def _ends_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before it could be asked for
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_the_kernel

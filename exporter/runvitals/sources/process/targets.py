"""Which processes to watch beside the rings' writers: by pid file, by command line, by listening port."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import psutil

from runvitals.settings import Settings
from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.table import CLOCK_TICKS, PROC, ProcessId, Table, read_start

_PID_FILE_BYTES = 64
_COMMAND_LINE_BYTES = 4096
_PID_FILE_SLACK_SECONDS = 10.0


class ProcessTarget(Settings, frozen=True, kw_only=True):
    """Processes that belong to a run. Exactly one of `pid_file`, `pattern` and `port` says which.

    `pattern` is a regular expression searched for in the first 4096 bytes of the command line, its arguments joined by
    single spaces. `port` is a TCP port that is listened on in the sidecar's network namespace. A pid file's
    number is taken as one of the sidecar's pid namespace.

    Several processes that match are summed, each with its children. `rank` defaults to `$RUNVITALS_RANK`, else the host
    name.
    """

    run: str
    rank: str | None = None
    pid_file: str | None = None
    pattern: str | None = None
    port: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if not self.run or self.rank == "":
            raise ValueError("run and rank of a process must not be empty; leave rank out for the default")
        given = [name for name in ("pid_file", "pattern", "port") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a process needs exactly one of pid_file, pattern and port, not {' and '.join(given) or 'none'}"
            )
        if self.pid_file == "" or self.pattern == "":
            raise ValueError(f"{given[0]} is empty; say which process is meant")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}; it must be between 1 and 65535")
        if self.pattern is not None:
            compile_pattern(self.pattern)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression. Raises ValueError that shows where it is wrong."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is not a regular expression: {error}") from None


class TargetSearch:
    """Finds the processes of one target, and remembers them between searches.

    A pid file is read every time. Reading all command lines or all sockets is costly, so it is done every
    `search_seconds`, and at once when the last known process has ended.
    """

    def __init__(self, target: ProcessTarget, search_seconds: float) -> None:
        self._target = target
        self._seconds = search_seconds
        self._pattern = compile_pattern(target.pattern) if target.pattern is not None else None
        self._found: set[ProcessId] = set()
        self._next = float("-inf")

    def pids(self, table: Table, at: float, rejected: Counter[Reason]) -> set[int]:
        """Return the pids of the target in `table`; `at` is monotonic time in seconds."""
        if self._target.pid_file is not None:
            return pids_by_file(Path(self._target.pid_file), table, rejected)
        living = {process for process in self._found if process.pid in table and table[process.pid].id == process}
        if at >= self._next or (self._found and not living):
            living = {table[pid].id for pid in self._search(table, rejected) if pid in table}
            self._next = at + self._seconds
            if not living:
                rejected[Reason.TARGET_NOT_FOUND] += 1
        self._found = living
        return {process.pid for process in living}

    def _search(self, table: Table, rejected: Counter[Reason]) -> set[int]:
        if self._pattern is not None:
            return pids_by_pattern(self._pattern, table)
        return pids_by_port(self._target.port or 0, rejected)


def pids_by_file(path: Path, table: Table, rejected: Counter[Reason]) -> set[int]:
    """Return the pid in a pid file, unless that process is younger than the file: then the pid is used again."""
    try:
        text, written = read_start(str(path), _PID_FILE_BYTES), path.stat().st_mtime
    except OSError:
        rejected[Reason.PID_FILE_UNREADABLE] += 1
        return set()
    lines = text.split(b"\n", 1)[0].split()
    if not lines or not lines[0].isdigit() or len(text) == _PID_FILE_BYTES:
        rejected[Reason.PID_FILE_INVALID] += 1
        return set()
    stat = table.get(int(lines[0]))
    if stat is None:
        rejected[Reason.PID_NOT_IN_VIEW] += 1
        return set()
    if psutil.boot_time() + stat.start_ticks / CLOCK_TICKS > written + _PID_FILE_SLACK_SECONDS:
        rejected[Reason.PID_REUSED] += 1
        return set()
    return {stat.pid}


def pids_by_pattern(pattern: re.Pattern[str], table: Table, proc: str = PROC) -> set[int]:
    """Return the pids whose command line holds `pattern`, this process excepted."""
    return {pid for pid in table if pid != os.getpid() and pattern.search(_command_line(pid, proc))}


def pids_by_port(port: int, rejected: Counter[Reason]) -> set[int]:
    """Return the pids that listen on a TCP port. Another user's are hidden from who is not root: counted."""
    listening = [
        connection
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    ]
    if any(connection.pid is None for connection in listening):
        rejected[Reason.PORT_OWNER_HIDDEN] += 1
    return {connection.pid for connection in listening if connection.pid is not None}


def _command_line(pid: int, proc: str) -> str:
    try:
        raw = read_start(f"{proc}/{pid}/cmdline", _COMMAND_LINE_BYTES)
    except OSError:
        return ""
    return raw.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")

"""All processes in view, from one pass over /proc/<pid>/stat.

One pass gives parents, start times, CPU, threads and resident memory of every process at nearly one moment, for about
10 microseconds of CPU a process; asking psutil for the children of each target would cost a pass each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = "/proc"
_STAT_BYTES = 4096


class ProcessId(NamedTuple):
    """A process for all time: its pid may be used again, but not with the same start."""

    pid: int
    start_ticks: int


class Stat(NamedTuple):
    """A line of /proc/<pid>/stat, see proc_pid_stat(5).

    `cpu_ticks` is user and system time of the process and of the children it has waited for; `start_ticks` counts from
    boot.
    """

    pid: int
    parent: int
    state: str
    cpu_ticks: int
    threads: int
    start_ticks: int
    rss_bytes: int

    @property
    def id(self) -> ProcessId:
        """Pid and start."""
        return ProcessId(self.pid, self.start_ticks)

    @property
    def ended(self) -> bool:
        """True for a zombie: it has exited and only waits for its parent to ask."""
        return self.state in "ZXx"


Table = dict[int, Stat]


def parse_stat(raw: bytes) -> Stat:
    """Parse the line of one process. Raises ValueError. The command's name may itself hold spaces and parentheses."""
    pid, _, rest = raw.partition(b" ")
    fields = rest.rpartition(b") ")[2].split()
    if len(fields) < 22:
        raise ValueError(f"not a line of /proc/<pid>/stat: {raw[:80]!r}")
    return Stat(
        pid=int(pid),
        parent=int(fields[1]),
        state=fields[0].decode("ascii"),
        cpu_ticks=int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14]),
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * PAGE_BYTES,
    )


def read_table(proc: str = PROC) -> Table:
    """Return every process in view by pid; one that vanishes meanwhile is left out. Raises OSError without a /proc."""
    found = {}
    for name in os.listdir(proc):  # noqa: PTH208  a pass over thousands of processes a second
        if name.isdigit():
            try:
                stat = parse_stat(read_start(f"{proc}/{name}/stat", _STAT_BYTES))
            except (OSError, ValueError):
                continue
            found[stat.pid] = stat
    return found


def read_start(path: str, size: int) -> bytes:
    """Return the first `size` bytes of a file, without waiting if it is a pipe. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def children_by_parent(table: Table) -> dict[int, list[int]]:
    """Return the pids of each process's children."""
    children: dict[int, list[int]] = {}
    for stat in table.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    return children


def topmost(table: Table, pids: Iterable[int]) -> list[int]:
    """Return those of `pids` that are no descendants of others of them, sorted."""
    wanted = {pid for pid in pids if pid in table}
    return sorted(pid for pid in wanted if not wanted.intersection(_ancestors(table, pid)))


def _ancestors(table: Table, pid: int) -> set[int]:
    found: set[int] = set()
    parent = table[pid].parent
    while parent in table and parent not in found:
        found.add(parent)
        parent = table[parent].parent
    return found - {pid}

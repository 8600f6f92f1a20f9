"""The processes that write rings, and which pid each of them has in our view.

A ring's header names the writer's pid as the writer sees it. In another pid namespace (another container) the same
number is another process, so a pid counts only with its namespace, its start and the machine's boot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from runvitals.client.live_rings import live_rings
from runvitals.client.process_identity import boot_id, pid_namespace
from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.table import PROC, Stat, Table, read_start

_STATUS_BYTES = 16384


class RingProcess(NamedTuple):
    """Who writes a ring; 0 and the empty string where the header does not know."""

    run: str
    rank: str
    pid: int
    pid_namespace: int
    start_ticks: int
    boot_id: str


class Viewpoint(NamedTuple):
    """From where we look: two pids are the same process only in one pid namespace of one boot."""

    pid_namespace: int
    boot_id: str


class NotInView(LookupError):  # noqa: N818  an ordinary answer, not an error
    """The writer of a ring cannot be seen from here; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def ring_processes(folders: Iterable[str]) -> list[RingProcess]:
    """Return the writers of the live rings in these folders. Raises OSError."""
    headers = [ring.header for ring in live_rings(folders)]
    return [
        RingProcess(header.run, header.rank, header.pid, header.pid_namespace, header.start_ticks, header.boot_id)
        for header in headers
    ]


def own_viewpoint() -> Viewpoint:
    """Return from where this process looks."""
    return Viewpoint(pid_namespace(), boot_id())


def pid_in_view(ring: RingProcess, table: Table, viewpoint: Viewpoint, proc: str = PROC) -> int:
    """Return the pid by which `table` knows the writer of a ring. Raises NotInView."""
    if not (ring.pid and ring.pid_namespace and ring.start_ticks and ring.boot_id):
        raise NotInView(Reason.RING_WITHOUT_IDENTITY)
    if ring.boot_id != viewpoint.boot_id:
        raise NotInView(Reason.RING_OF_ANOTHER_MACHINE)
    if ring.pid_namespace != viewpoint.pid_namespace:
        return _translated(ring, table, proc)
    stat = table.get(ring.pid)
    if stat is None:
        raise NotInView(Reason.PID_NOT_IN_VIEW)
    if stat.start_ticks != ring.start_ticks:
        raise NotInView(Reason.PID_REUSED)
    return ring.pid


def _translated(ring: RingProcess, table: Table, proc: str) -> int:
    """Find the writer among the processes that started in the same tick and are called the same in their namespace."""
    reason = Reason.PID_NOT_IN_VIEW
    for stat in table.values():
        if stat.start_ticks == ring.start_ticks and _innermost_pid(stat, proc) == ring.pid:
            try:
                namespace = os.stat(f"{proc}/{stat.pid}/ns/pid").st_ino  # noqa: PTH116  a text, not a Path, throughout
            except OSError:
                reason = Reason.PID_NAMESPACE_UNREADABLE
                continue
            if namespace == ring.pid_namespace:
                return stat.pid
    raise NotInView(reason)


def _innermost_pid(stat: Stat, proc: str) -> int | None:
    """Return the pid a process has in its own namespace, the last of `NSpid` in its status."""
    try:
        status = read_start(f"{proc}/{stat.pid}/status", _STATUS_BYTES)
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(b"NSpid:"):
            return int(line.split()[-1])
    return None

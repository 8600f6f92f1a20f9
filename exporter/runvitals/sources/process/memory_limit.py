"""How much memory a process may use, and how much of that is in use: its cgroups' limits, and the machine's memory.

Pages of files that the kernel can take back are not in use: a process is killed only where these no longer help. See
the kernel's admin-guide, cgroup-v2 (memory.max, memory.current, memory.stat) and cgroup-v1/memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import psutil

from runvitals.sources.process.table import PROC, read_start

CGROUPS = "/sys/fs/cgroup"
_FILE_BYTES = 65536
_NO_LIMIT = 1 << 60
"""The first version of cgroups writes a number near 2^63 where there is no limit."""


class MemoryUse(NamedTuple):
    """A limit, and what is in use of it, in bytes."""

    limit: int
    used: int

    @property
    def ratio(self) -> float:
        """Share of the limit that is in use."""
        return self.used / self.limit


class _Names(NamedTuple):
    """What one version of cgroups calls its files and fields."""

    limit: str
    usage: str
    file_pages: tuple[bytes, bytes]


_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", (b"total_inactive_file", b"total_active_file"))
_V2 = _Names("memory.max", "memory.current", (b"inactive_file", b"active_file"))


def tightest_use(pid: int, proc: str = PROC, cgroups: str = CGROUPS) -> MemoryUse:
    """Return that of the limits of a process's cgroups, and of the machine, of which the largest share is in use.

    Raises OSError where the cgroups of the process cannot be read, for then its limit is not known.
    """
    machine = psutil.virtual_memory()
    uses = [MemoryUse(machine.total, machine.total - machine.available), *cgroup_uses(pid, proc, cgroups)]
    return max(uses, key=lambda use: use.ratio)


def cgroup_uses(pid: int, proc: str = PROC, cgroups: str = CGROUPS) -> list[MemoryUse]:
    """Return the limits of a process's cgroup and of those above it. Raises OSError."""
    try:
        membership = read_start(f"{proc}/{pid}/cgroup", _FILE_BYTES)
    except FileNotFoundError:
        if not Path(f"{proc}/{pid}").exists():
            raise
        return []  # a kernel without cgroups
    path, names = _memory_cgroup(membership)
    if path is None:
        return []
    mount = cgroups if names is _V2 else f"{cgroups}/memory"
    if not _is_there(mount, path, names):  # another container's: what it sees of itself
        mount, path = f"{proc}/{pid}/root{mount}", "/"
        if not _is_there(mount, path, names):
            raise PermissionError(f"the cgroup of process {pid} is out of view")
    return list(_uses(mount, path, names))


def _memory_cgroup(membership: bytes) -> tuple[str | None, _Names]:
    """Return the cgroup that accounts for memory, from the lines `hierarchy:controllers:path` of /proc/<pid>/cgroup."""
    path = None
    for line in membership.decode("utf-8", "replace").splitlines():
        _, controllers, place = (*line.split(":", 2), "", "")[:3]
        if "memory" in controllers.split(","):
            return place, _V1
        if not controllers:
            path = place
    return path, _V2


def _is_there(mount: str, path: str, names: _Names) -> bool:
    """Return whether a cgroup can be seen. The topmost of the second version has no files of its own on a machine."""
    if ".." in PurePosixPath(path).parts:
        return False
    for name in (names.usage, "cgroup.procs"):
        try:
            read_start(f"{mount}{path}/{name}", 64)
        except OSError:
            continue
        return True
    return False


def _uses(mount: str, path: str, names: _Names) -> Iterator[MemoryUse]:
    place = PurePosixPath(path)
    for level in (place, *place.parents):
        folder = f"{mount}{level}"
        try:
            limit = read_start(f"{folder}/{names.limit}", 64).strip()
            if limit.isdigit() and 0 < int(limit) < _NO_LIMIT:
                yield MemoryUse(int(limit), _used(folder, names))
        except (FileNotFoundError, ValueError):
            continue  # the topmost cgroup has no limit of its own


def _used(folder: str, names: _Names) -> int:
    """Return what is in use without pages of files. Raises OSError, ValueError."""
    usage = int(read_start(f"{folder}/{names.usage}", 64))
    files = 0
    for line in read_start(f"{folder}/memory.stat", _FILE_BYTES).splitlines():
        name, _, value = line.partition(b" ")
        if name in names.file_pages:
            files += int(value)
    return max(usage - files, 0)

"""Which processes have a file open for writing, as far as /proc lets this one see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from runvitals.sources.process.table import PROC, ProcessId, Stat, read_table

MAX_WRITERS = 64
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "fish"})


class Writers(msgspec.Struct):
    """The processes that had a file open for writing when `look` was called: it counts who is left of them.

    A shell that has it open for the programs it starts lives on after them, and does not count beside them.
    """

    found: list[ProcessId] = []

    @classmethod
    def look(cls, device: int, inode: int) -> Writers:
        """Look who writes. Nobody is found where /proc does not show: another container's processes, another user's."""
        try:
            table = read_table()
        except OSError:
            return cls()
        writers = [stat for stat in table.values() if not stat.ended and _writes(stat.pid, device, inode)]
        others = [stat for stat in writers if _command(stat) not in _SHELLS]
        return cls([stat.id for stat in others or writers][:MAX_WRITERS])

    def are_gone(self) -> bool:
        """Return whether some were found, and all of them have ended."""
        if not self.found:
            return False
        try:
            table = read_table()
        except OSError:
            return False
        return not any(_lives(table.get(one.pid), one) for one in self.found)


def _lives(stat: Stat | None, process: ProcessId) -> bool:
    return stat is not None and stat.id == process and not stat.ended


def _writes(pid: int, device: int, inode: int) -> bool:
    return any((one.st_dev, one.st_ino) == (device, inode) and _is_for_writing(pid, name) for name, one in _open(pid))


def _open(pid: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the descriptors of a process and what they are; none where we may not look."""
    with suppress(OSError), os.scandir(f"{PROC}/{pid}/fd") as descriptors:
        for descriptor in descriptors:
            with suppress(OSError):
                yield descriptor.name, descriptor.stat()


def _is_for_writing(pid: int, descriptor: str) -> bool:
    """Return what the flags in /proc/<pid>/fdinfo/<fd> say, see proc_pid_fdinfo(5)."""
    with suppress(OSError, ValueError):
        for line in Path(f"{PROC}/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines():
            if line.startswith("flags:"):
                return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _command(stat: Stat) -> str:
    with suppress(OSError):
        return Path(f"{PROC}/{stat.pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""

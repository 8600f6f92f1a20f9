"""What psutil tells of one process that the process table does not; None where it may not be read, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import psutil

from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.table import ProcessId

Answer = TypeVar("Answer")


class DiskBytes(NamedTuple):
    """Bytes that reached or came from storage, what the page cache served not included."""

    read: int
    written: int


class Denied(Exception):  # noqa: N818  an ordinary answer, not an error
    """What was asked about a process may not be read by this user."""


class Processes:
    """Asks psutil about processes, keeping its handles from poll to poll.

    Each question returns None for a process that has ended meanwhile, and raises Denied where the kernel refuses.
    """

    def __init__(self) -> None:
        self._handles: dict[ProcessId, psutil.Process] = {}

    def file_descriptors(self, process: ProcessId, rejected: Counter[Reason]) -> int | None:
        """Return how many descriptors a process holds."""
        return self._ask(process, rejected, lambda handle: int(handle.num_fds()))

    def disk_bytes(self, process: ProcessId, rejected: Counter[Reason]) -> DiskBytes | None:
        """Return what a process, and the children it has waited for, read and wrote."""

        def answer(handle: psutil.Process) -> DiskBytes:
            counters = handle.io_counters()
            return DiskBytes(counters.read_bytes, counters.write_bytes)

        return self._ask(process, rejected, answer)

    def uss_bytes(self, process: ProcessId, rejected: Counter[Reason]) -> int | None:
        """Return the memory that only this process has.

        The kernel walks all its page tables for it, and meanwhile holds a lock that its page faults need.
        """
        return self._ask(process, rejected, lambda handle: int(handle.memory_full_info().uss))

    def keep_only(self, processes: set[ProcessId]) -> None:
        """Drop the handles of all other processes."""
        self._handles = {process: handle for process, handle in self._handles.items() if process in processes}

    def _ask(
        self, process: ProcessId, rejected: Counter[Reason], question: Callable[[psutil.Process], Answer]
    ) -> Answer | None:
        try:
            return question(self._handle(process))
        except psutil.NoSuchProcess:  # a zombie too
            rejected[Reason.VANISHED] += 1
            return None
        except (psutil.AccessDenied, PermissionError):
            rejected[Reason.PERMISSION_DENIED] += 1
            raise Denied from None

    def _handle(self, process: ProcessId) -> psutil.Process:
        if process not in self._handles:
            self._handles[process] = psutil.Process(process.pid)
        return self._handles[process]

"""What one target uses: its tree of processes, summed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator

from runvitals.catalogue import signals
from runvitals.catalogue.signals import Signal
from runvitals.sources.process import network
from runvitals.sources.process.increase import Total, TreeCounter
from runvitals.sources.process.memory_limit import tightest_use
from runvitals.sources.process.network import Traffic
from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.resources import Denied, DiskBytes, Processes
from runvitals.sources.process.table import CLOCK_TICKS, ProcessId
from runvitals.sources.process.tree import Member, Tree

_CPU_SLACK = 1.25
"""How much more CPU than the machine has is put down to the clock's ticks."""

Reading = Iterator[tuple[Signal, float]]


class Usage:
    """Turns the readings of one target into values of signals.

    What cannot be read of every process of the tree is absent, for part of a sum is no sum. A rate needs two
    readings of the same root.
    """

    def __init__(self, processes: Processes, uss_seconds: float) -> None:
        self._processes = processes
        self._uss_seconds = uss_seconds
        self._next_uss = float("-inf")
        self._at: float | None = None
        self._cpu = TreeCounter()
        self._disk_read = TreeCounter()
        self._disk_written = TreeCounter()
        self._traffic: tuple[ProcessId, dict[str, Traffic]] | None = None

    def read(self, tree: Tree, at: float, rejected: Counter[Reason]) -> list[tuple[Signal, float]]:
        """Return the values of the signals at monotonic time `at`, in seconds."""
        seconds = at - self._at if self._at is not None else 0.0
        self._at = at
        living = tree.living
        rejected[Reason.ZOMBIE] += len(tree.members) - len(living)
        return [
            *_counts(living),
            *_memory_limit(tree, rejected),
            *self._sum_of(signals.OPEN_FILE_DESCRIPTORS, self._processes.file_descriptors, living, rejected),
            *self._uss(living, at, rejected),
            *self._cpu_rate(tree, seconds, rejected),
            *self._disk_rates(tree, seconds, rejected),
            *self._network_rates(tree, seconds, rejected),
        ]

    def _sum_of(
        self,
        signal: Signal,
        question: Callable[[ProcessId, Counter[Reason]], int | None],
        living: list[Member],
        rejected: Counter[Reason],
    ) -> Reading:
        try:
            answers = [question(member.stat.id, rejected) for member in living]
        except Denied:
            return
        known = [answer for answer in answers if answer is not None]
        if known:
            yield signal, float(sum(known))

    def _uss(self, living: list[Member], at: float, rejected: Counter[Reason]) -> Reading:
        if self._uss_seconds and at >= self._next_uss:
            self._next_uss = at + self._uss_seconds
            yield from self._sum_of(signals.MEMORY_USS, self._processes.uss_bytes, living, rejected)

    def _cpu_rate(self, tree: Tree, seconds: float, rejected: Counter[Reason]) -> Reading:
        totals = {member.stat.id: _total(member, member.stat.cpu_ticks) for member in tree.members}
        grown = self._cpu.increase(totals)
        if grown is None or seconds <= 0.0:
            return
        cores = grown / CLOCK_TICKS / seconds
        if cores > _CPU_SLACK * (os.cpu_count() or 1):
            rejected[Reason.IMPLAUSIBLE_CPU] += 1
            return
        yield signals.CPU_UTILIZATION, cores

    def _disk_rates(self, tree: Tree, seconds: float, rejected: Counter[Reason]) -> Reading:
        try:
            disk = {member: self._disk_bytes(member, rejected) for member in tree.members}
        except Denied:
            self._disk_read, self._disk_written = TreeCounter(), TreeCounter()
            return
        known = {member: answer for member, answer in disk.items() if answer is not None}
        read = self._disk_read.increase(
            {member.stat.id: _total(member, answer.read) for member, answer in known.items()}
        )
        written = self._disk_written.increase(
            {member.stat.id: _total(member, answer.written) for member, answer in known.items()}
        )
        if seconds > 0.0 and read is not None and written is not None:
            yield signals.DISK_READ, read / seconds
            yield signals.DISK_WRITE, written / seconds

    def _disk_bytes(self, member: Member, rejected: Counter[Reason]) -> DiskBytes | None:
        """Ask a living process; of one that has ended, and is not inherited yet, the last answer stands."""
        if not member.stat.ended:
            return self._processes.disk_bytes(member.stat.id, rejected)
        read, written = self._disk_read.last(member.stat.id), self._disk_written.last(member.stat.id)
        return DiskBytes(int(read.value), int(written.value)) if read and written else None

    def _network_rates(self, tree: Tree, seconds: float, rejected: Counter[Reason]) -> Reading:
        root = tree.members[0].stat.id
        try:
            traffic = network.read_traffic(root.pid)
        except PermissionError:
            rejected[Reason.PERMISSION_DENIED] += 1
            traffic = {}
        except OSError:
            rejected[Reason.VANISHED] += 1
            traffic = {}
        before, self._traffic = self._traffic, (root, traffic)
        if before is None or before[0] != root or not before[1].keys() & traffic.keys() or seconds <= 0.0:
            return
        grown = network.increase(before[1], traffic)
        yield signals.NETWORK_RECEIVE, grown.received / seconds
        yield signals.NETWORK_TRANSMIT, grown.sent / seconds


def _counts(living: list[Member]) -> Reading:
    yield signals.MEMORY_RSS, float(sum(member.stat.rss_bytes for member in living))
    yield signals.THREADS, float(sum(member.stat.threads for member in living))
    yield signals.CHILD_PROCESSES, float(sum(member.parent is not None for member in living))


def _memory_limit(tree: Tree, rejected: Counter[Reason]) -> Reading:
    """Yield the limit of the first process: those of one run share their limits."""
    try:
        use = tightest_use(tree.members[0].stat.pid)
    except OSError:
        rejected[Reason.MEMORY_LIMIT_UNREADABLE] += 1
        return
    yield signals.MEMORY_LIMIT, float(use.limit)
    yield signals.MEMORY_UTILIZATION, use.ratio


def _total(member: Member, value: float) -> Total:
    return Total(float(value), member.parent, member.root)

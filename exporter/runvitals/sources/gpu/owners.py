"""Whose a GPU is: the run and rank whose process computes on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from runvitals.sources.gpu.reasons import Reason
from runvitals.sources.process.rings import NotInView, RingProcess, own_viewpoint, pid_in_view
from runvitals.sources.process.table import Table, children_by_parent, read_table
from runvitals.sources.process.tree import grow_tree

Owner = tuple[str, str]
"""Run and rank."""

MAX_OWNERS = 16


class Owners:
    """Finds the owners of GPUs among the writers of live rings and their children.

    A GPU on which none of them computes belongs to `otherwise`.
    """

    def __init__(self, list_rings: Callable[[], list[RingProcess]], otherwise: Owner) -> None:
        self._list_rings = list_rings
        self._otherwise = otherwise
        self._viewpoint = own_viewpoint()
        self._by_pid: dict[int, Owner] = {}

    def look(self, rejected: Counter[Reason]) -> None:
        """Look anew who writes rings."""
        try:
            rings, table = self._list_rings(), read_table()
        except OSError:
            rejected[Reason.OWNER_UNKNOWN] += 1
            return
        children = children_by_parent(table)
        self._by_pid = {}
        for ring in rings:
            for pid in self._pids(ring, table, children):
                self._by_pid[pid] = ring.run, ring.rank

    def of(self, pids: Iterable[int], rejected: Counter[Reason]) -> list[Owner]:
        """Return the owners of a GPU on which these processes compute."""
        owners = sorted({self._by_pid[pid] for pid in pids if pid in self._by_pid})
        rejected[Reason.TOO_MANY_OWNERS] += max(len(owners) - MAX_OWNERS, 0)
        return owners[:MAX_OWNERS] or [self._otherwise]

    def _pids(self, ring: RingProcess, table: Table, children: dict[int, list[int]]) -> set[int]:
        try:
            root = pid_in_view(ring, table, self._viewpoint)
        except NotInView:
            return set()
        return {member.stat.pid for member in grow_tree(table, children, [root], (), len(table)).members}

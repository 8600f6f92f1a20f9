"""What the processes of a run use: CPU, memory, threads, descriptors, disk and network, children included."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from runvitals.client.ring_folders import reader_folders
from runvitals.settings import Settings
from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.resources import Processes
from runvitals.sources.process.rings import NotInView, RingProcess, own_viewpoint, pid_in_view, ring_processes
from runvitals.sources.process.table import ProcessId, Table, children_by_parent, read_table, topmost
from runvitals.sources.process.targets import ProcessTarget, TargetSearch
from runvitals.sources.process.tree import Tree, grow_tree
from runvitals.sources.process.usage import Usage
from runvitals.sources.replica import default_rank
from runvitals.values import Event, Poll, Sample

Target = tuple[str, str]
"""Run and rank."""


class ProcessSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="process"):
    """Which processes, how often, and the bounds.

    With `rings`, the writers of the live rings in `folders` (default: where clients put them) are watched; `targets`
    are watched as well. Command lines and sockets are searched through every `search_seconds`. Memory that a process
    has to itself (USS) is costly to read, milliseconds for gigabytes and a lock that page faults of the process wait
    for, so it is read every `uss_seconds` only; 0 turns it off. A target of more than `max_processes` processes is
    counted and not read, for part of a sum is no sum.
    """

    name: str = ""
    interval: float = 2.0
    rings: bool = True
    folders: tuple[str, ...] | None = None
    targets: tuple[ProcessTarget, ...] = ()
    search_seconds: float = 10.0
    uss_seconds: float = 30.0
    max_targets: int = 256
    max_processes: int = 512

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if not self.rings and not self.targets:
            raise ValueError("rings is off and there are no targets; add a target, or remove this source")
        for name, (smallest, largest) in _BOUNDS.items():
            if not smallest <= getattr(self, name) <= largest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between {smallest} and {largest}")


_BOUNDS: dict[str, tuple[float, float]] = {
    "interval": (0.1, 300.0),
    "search_seconds": (0.1, 3600.0),
    "uss_seconds": (0.0, 86400.0),
    "max_targets": (1, 10_000),
    "max_processes": (1, 10_000),
}


class ProcessSource:
    """Reads the process table once a poll, and from it the tree of every target.

    `list_rings` returns the writers of live rings; `clock` is monotonic time in seconds.
    """

    kind = "process"
    listens = False

    def __init__(
        self,
        settings: ProcessSettings,
        name: str = "process",
        *,
        list_rings: Callable[[], list[RingProcess]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.interval = settings.interval
        self._settings = settings
        self._clock = clock
        self._list_rings = list_rings or self._rings_in_folders
        self._viewpoint = own_viewpoint()
        self._searches = [
            ((target.run, target.rank or default_rank()), TargetSearch(target, settings.search_seconds))
            for target in settings.targets
        ]
        self._processes = Processes()
        self._usages: dict[Target, Usage] = {}

    def poll(self, now: float) -> Poll:
        """Return what every target uses now; rates from its second poll on. Raises OSError without a /proc."""
        rejected: Counter[Reason] = Counter()
        at = self._clock()
        table = read_table()
        trees = self._trees(table, self._roots(table, at, rejected), rejected)
        self._forget_others(trees)
        items: list[Sample | Event] = []
        for target, tree in trees.items():
            items.extend(self._samples(target, tree, now, at, rejected))
        return Poll(items=items, rejected={reason.value: count for reason, count in rejected.items() if count})

    def restore(self, position: object) -> None:
        """Take None, the only position there is: a process is read as it is now."""
        if position is not None:
            raise ValueError(f"a process source keeps no position, and was given {position!r}")

    def close(self) -> None:
        """Forget all processes."""
        self._usages = {}
        self._processes.keep_only(set())

    def _rings_in_folders(self) -> list[RingProcess]:
        folders = self._settings.folders
        return ring_processes(reader_folders() if folders is None else folders)

    def _roots(self, table: Table, at: float, rejected: Counter[Reason]) -> dict[Target, list[int]]:
        """Return the topmost living processes of each target."""
        pids: dict[Target, set[int]] = {}
        for target, found in [*self._found_by_rings(table, rejected), *self._found_by_search(table, at, rejected)]:
            if not found:
                continue
            if target in pids or len(pids) < self._settings.max_targets:
                pids.setdefault(target, set()).update(found)
            else:
                rejected[Reason.TOO_MANY_TARGETS] += 1
        roots = {target: topmost(table, _living(table, found, rejected)) for target, found in pids.items()}
        return {target: found for target, found in roots.items() if found}

    def _found_by_rings(self, table: Table, rejected: Counter[Reason]) -> list[tuple[Target, set[int]]]:
        if not self._settings.rings:
            return []
        try:
            rings = self._list_rings()
        except OSError:
            rejected[Reason.RINGS_UNREADABLE] += 1
            return []
        return [((ring.run, ring.rank), self._ring_pids(ring, table, rejected)) for ring in rings]

    def _ring_pids(self, ring: RingProcess, table: Table, rejected: Counter[Reason]) -> set[int]:
        try:
            return {pid_in_view(ring, table, self._viewpoint)}
        except NotInView as answer:
            rejected[answer.reason] += 1
            return set()

    def _found_by_search(self, table: Table, at: float, rejected: Counter[Reason]) -> list[tuple[Target, set[int]]]:
        return [(target, _searched(search, table, at, rejected)) for target, search in self._searches]

    def _trees(self, table: Table, roots: dict[Target, list[int]], rejected: Counter[Reason]) -> dict[Target, Tree]:
        children = children_by_parent(table)
        every = {pid for found in roots.values() for pid in found}
        trees = {}
        for target, found in roots.items():
            tree = grow_tree(table, children, found, every.difference(found), self._settings.max_processes)
            if tree.left_out:
                rejected[Reason.TOO_MANY_PROCESSES] += 1
            else:
                trees[target] = tree
        return trees

    def _forget_others(self, trees: dict[Target, Tree]) -> None:
        self._usages = {target: usage for target, usage in self._usages.items() if target in trees}
        members: set[ProcessId] = {member.stat.id for tree in trees.values() for member in tree.members}
        self._processes.keep_only(members)

    def _samples(self, target: Target, tree: Tree, now: float, at: float, rejected: Counter[Reason]) -> list[Sample]:
        usage = self._usages.setdefault(target, Usage(self._processes, self._settings.uss_seconds))
        try:
            values = usage.read(tree, at, rejected)
        except Exception:  # noqa: BLE001  one target that fails never hides another
            rejected[Reason.TARGET_FAILED] += 1
            del self._usages[target]  # its readings may be of different times
            return []
        return [Sample(*target, signal.name, "", now, None, value) for signal, value in values]


def _living(table: Table, pids: set[int], rejected: Counter[Reason]) -> set[int]:
    living = {pid for pid in pids if not table[pid].ended}
    rejected[Reason.ZOMBIE] += len(pids) - len(living)
    return living


def _searched(search: TargetSearch, table: Table, at: float, rejected: Counter[Reason]) -> set[int]:
    try:
        return search.pids(table, at, rejected)
    except Exception:  # noqa: BLE001  one target's search never hides another target
        rejected[Reason.TARGET_FAILED] += 1
        return set()

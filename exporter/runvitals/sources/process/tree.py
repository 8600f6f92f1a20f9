"""A target's processes: its roots and all their descendants, parents first."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from runvitals.sources.process.table import ProcessId, Stat, Table


class Member(NamedTuple):
    """A process of a tree, with its parent in the tree (None for a root) and its root."""

    stat: Stat
    parent: ProcessId | None
    root: ProcessId


class Tree(NamedTuple):
    """The processes of a target; `left_out` is how many the bound cut off at least."""

    members: list[Member]
    left_out: int

    @property
    def living(self) -> list[Member]:
        """The members that have not ended."""
        return [member for member in self.members if not member.stat.ended]


def grow_tree(
    table: Table, children: dict[int, list[int]], roots: Collection[int], others: Collection[int], limit: int
) -> Tree:
    """Return the tree of `roots`, at most `limit` processes, breadth first.

    A process of `others` (a target of its own, such as a rank spawned by another rank) is left out with all below it.
    """
    queue = deque(Member(table[pid], None, table[pid].id) for pid in roots)
    seen = set(roots) | set(others)
    members: list[Member] = []
    while queue and len(members) < limit:
        member = queue.popleft()
        members.append(member)
        for pid in children.get(member.stat.pid, ()):
            if pid not in seen:
                seen.add(pid)
                queue.append(Member(table[pid], member.stat.id, member.root))
    return Tree(members, len(queue))

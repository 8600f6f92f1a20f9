"""How much a counter of a process tree grew, while its processes come and go.

Linux adds the CPU time, reads and writes of a child to its parent's when the parent waits for it. So the sum over a
tree neither falls nor jumps if a child ends, but only while both are seen at once: a child whose end is seen before its
parent has inherited is remembered for one more reading, and its total taken off then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runvitals.sources.process.table import ProcessId


class Total(NamedTuple):
    """A process's counter, what it has inherited from children included."""

    value: float
    parent: ProcessId | None
    root: ProcessId


Totals = Mapping[ProcessId, Total]


class TreeCounter:
    """One counter of one tree, over its readings."""

    def __init__(self) -> None:
        self._before: Totals = {}
        self._awaited: dict[ProcessId, float] = {}

    def last(self, process: ProcessId) -> Total | None:
        """Return what the process had at the newest reading."""
        return self._before.get(process)

    def increase(self, totals: Totals) -> float | None:
        """Return the growth since the reading before, never negative; None where no root is in both.

        What is new under a known root has done all its work since; a new root may have done it at any time, so it
        counts from the next reading on.
        """
        before, self._before = self._before, totals
        growth = _growth(before, totals)
        endings = _inheritance(before, totals)
        awaited, self._awaited = self._awaited, {}
        for heir in endings.keys() | awaited.keys():
            self._settle(growth, heir, endings.get(heir, 0.0), awaited.get(heir, 0.0))
        has_known_root = any(total.parent is None and process in before for process, total in totals.items())
        return sum(growth.values()) if has_known_root else None

    def _settle(self, growth: dict[ProcessId, float], heir: ProcessId, ended: float, awaited: float) -> None:
        """Take what was inherited off the heir's growth; what has not arrived is awaited once."""
        grown = growth.get(heir, 0.0)
        for due, rest in ((ended + awaited, 0.0), (awaited, ended), (ended, 0.0)):
            if 0.0 < due <= grown:
                growth[heir] = grown - due
                missing = rest
                break
        else:
            missing = ended
        if missing:
            self._awaited[heir] = missing


def _growth(before: Totals, after: Totals) -> dict[ProcessId, float]:
    growth = {}
    for process, total in after.items():
        if process in before:
            growth[process] = max(0.0, total.value - before[process].value)
        elif total.root in before:
            growth[process] = total.value
    return growth


def _inheritance(before: Totals, after: Totals) -> dict[ProcessId, float]:
    """Return, for each living process, the totals of the descendants that have ended under it."""
    inherited: dict[ProcessId, float] = {}
    for process, total in before.items():
        if process not in after and (heir := _living_ancestor(total.parent, before, after)) is not None:
            inherited[heir] = inherited.get(heir, 0.0) + total.value
    return inherited


def _living_ancestor(process: ProcessId | None, before: Totals, after: Totals) -> ProcessId | None:
    while process is not None and process not in after:
        total = before.get(process)
        process = total.parent if total else None
    return process

"""Which of the open findings of a run follow from which: a pure function of what is open and when it was first seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from runvitals.catalogue import causes
from runvitals.catalogue.causes import Cause, Window
from runvitals.values import Finding


class Link(NamedTuple):
    """That a finding follows from `parent`, why, and which finding stands at the root of it all."""

    parent: Finding
    why: str
    root: Finding


class _Parent(NamedTuple):
    finding: Finding
    why: str


_TO: Mapping[str, tuple[Cause, ...]] = {
    fault: tuple(one for one in causes.ALL if fault in one.consequences)
    for fault in {consequence for one in causes.ALL for consequence in one.consequences}
}
_ALL_REDUCE = "an all-reduce hands it to every rank"

MAX_LEADERS = 16
"""So many episodes of one fault on different ranks have no all-reduce in common: those after them stand alone."""

Leaders = Mapping[str, Sequence[Finding]]


def links(findings: Iterable[Finding]) -> dict[str, Link]:
    """Return, by the ID of each finding that follows from another, what it follows from.

    `findings` are the open ones of one run. Each follows from the first seen of those that may have led to it; a link
    that would close a circle is not made. The answer does not depend on the order of `findings`.
    """
    ordered = sorted(findings, key=first_sight)
    by_place = {(one.fault, one.rank): one for one in ordered}
    leaders, parents = _spread(ordered)
    for finding in ordered:
        for parent in sorted(_candidates(finding, by_place, leaders, parents.get(finding.id)), key=_sight_of_parent):
            if not _descends(parent.finding, finding, parents):
                parents[finding.id] = parent
                break
    return {
        identity: Link(parent.finding, parent.why, _root(parent.finding, parents))
        for identity, parent in parents.items()
    }


def first_sight(finding: Finding) -> tuple[float, float, str, str]:
    """Return what findings are ordered by: the step of the first sight, then its time; those without a step last."""
    step = inf if finding.first_seen_step is None else finding.first_seen_step
    return step, seen_time(finding), finding.rank, finding.fault


def seen_time(finding: Finding) -> float:
    """Return when the finding was first seen (Unix seconds)."""
    return finding.opened_time if finding.first_seen_time is None else finding.first_seen_time


def is_across_ranks(seconds: float) -> bool:
    """Return whether what lies so far apart on two ranks may have to do with each other."""
    return abs(seconds) < causes.ACROSS_RANKS_SECONDS


def _sight_of_parent(parent: _Parent) -> tuple[float, float, str, str]:
    return first_sight(parent.finding)


def spread_leaders(findings: Iterable[Finding]) -> list[Finding]:
    """Return the earliest of what an all-reduce spreads, one for each episode: other ranks follow these alone."""
    leaders, _ = _spread(sorted(findings, key=first_sight))
    return [leader for of_fault in leaders.values() for leader in of_fault]


def is_led(finding: Finding, leader: Finding) -> bool:
    """Return whether an all-reduce has brought to the finding's rank what the leader's had before."""
    is_later = finding.fault == leader.fault and first_sight(leader) < first_sight(finding)
    return is_later and _follows(finding, leader, causes.SPREAD)


def _spread(ordered: Iterable[Finding]) -> tuple[Leaders, dict[str, _Parent]]:
    """Return, of what an all-reduce spreads, the leaders by fault, and which findings follow from them."""
    leaders: dict[str, list[Finding]] = {}
    parents: dict[str, _Parent] = {}
    for finding in ordered:
        if finding.fault not in causes.SPREADING:
            continue
        first = leaders.setdefault(finding.fault, [])
        leader = next((one for one in first if is_led(finding, one)), None)
        if leader is not None:
            parents[finding.id] = _Parent(leader, _ALL_REDUCE)
        elif len(first) < MAX_LEADERS:
            first.append(finding)
    return leaders, parents


def _candidates(
    finding: Finding, by_place: Mapping[tuple[str, str], Finding], leaders: Leaders, spread: _Parent | None
) -> Iterator[_Parent]:
    if spread is not None:
        yield spread
    for one in _TO.get(finding.fault, ()):
        cause = by_place.get((one.cause, finding.rank))
        if cause is not None and _follows(finding, cause, one.window):
            yield _Parent(cause, one.why)
        for leader in leaders.get(one.cause, ()) if one.across_ranks else ():
            if leader.rank != finding.rank and _follows(finding, leader, one.window):
                yield _Parent(leader, one.why)


def _follows(finding: Finding, cause: Finding, window: Window) -> bool:
    """Return whether the one was first seen within the window after the other."""
    seconds = seen_time(finding) - seen_time(cause)
    if finding.rank != cause.rank and not is_across_ranks(seconds):
        return False
    if window.steps is None or finding.first_seen_step is None or cause.first_seen_step is None:
        return _is_within(seconds, window.seconds)
    return _is_within(finding.first_seen_step - cause.first_seen_step, window.steps)


def _is_within(lag: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= lag <= limits[1]


def _descends(finding: Finding, ancestor: Finding, parents: Mapping[str, _Parent]) -> bool:
    while finding.id != ancestor.id and finding.id in parents:
        finding = parents[finding.id].finding
    return finding.id == ancestor.id


def _root(finding: Finding, parents: Mapping[str, _Parent]) -> Finding:
    while finding.id in parents:
        finding = parents[finding.id].finding
    return finding

"""The findings of a run, of all its ranks here, become one alert: the cause, with its consequences as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from math import inf
from typing import NamedTuple

import msgspec

from runvitals.catalogue import faults
from runvitals.catalogue.causes import SPREADING
from runvitals.diagnosis.causes import MAX_LEADERS, Link, first_sight, is_led, links, seen_time, spread_leaders
from runvitals.diagnosis.circumstances import shortened
from runvitals.values import ChangeKind, Consequence, Evidence, EvidenceRole, Finding, IncidentChange

SEVERITIES = ("info", "warning", "critical")
MAX_CONSEQUENCES = 8
_PLACES = {name: place for place, name in enumerate(faults.BY_NAME)}


class RunDiagnosis:
    """Relates the findings of a run as they open and close.

    It holds nothing that does not follow from them: the leaders of what spreads from rank to rank. While they and their
    ranks stay as they are, nothing changes on other ranks: in a storm on a thousand ranks each further one is compared
    with its own rank and theirs, not with all.
    """

    def __init__(self) -> None:
        self._leaders: list[Finding] | None = None

    def follow(self, moved: Sequence[IncidentChange], findings: Sequence[Finding]) -> list[IncidentChange]:
        """Return what changes with what has opened and closed on one rank; `findings` are the run's open ones."""
        ranks: set[str] | None = None
        if self._leaders is None or any(map(self._moves_leaders, moved)):
            self._leaders = spread_leaders(findings)
        else:
            ranks = {moved[0].finding.rank, *(leader.rank for leader in self._leaders)}
        return relate(findings, moved[-1].time, ranks)

    def _moves_leaders(self, change: IncidentChange) -> bool:
        finding, leaders = change.finding, self._leaders or []
        if any(leader.rank == finding.rank for leader in leaders):
            return True
        if change.kind is not ChangeKind.OPENED or finding.fault not in SPREADING:
            return False
        alike = [leader for leader in leaders if leader.fault == finding.fault]
        is_last = len(alike) >= MAX_LEADERS and first_sight(finding) > max(map(first_sight, alike))
        return not is_last and not any(is_led(finding, leader) for leader in alike)


def relate(findings: Iterable[Finding], time: float, ranks: Set[str] | None = None) -> list[IncidentChange]:
    """Bring causes and consequences of the open findings of a run up to date at `time`; return what changed.

    To be called whenever one of them has opened, closed, or gone on by itself; `ranks` may name those that it can
    matter to. What another explains is not active by itself: its cause speaks for it, or, since no page is ever hidden
    by a mail, where it is more severe than its cause, the first of such consequences. So one event pages once. Once
    nothing speaks for it any more, a finding that is seen once more is active again (`RankDiagnosis` sees to that); one
    that is only slower to recover rings nowhere.
    """
    known = {one.id: one for one in findings}
    near = sorted((one for one in known.values() if ranks is None or one.rank in ranks), key=first_sight)
    found = links(near)
    before = {one.id: _Place(one.cause, one.explained) for one in near}
    for one in near:
        _place(one, found.get(one.id), known)
    following: dict[str, dict[str, Finding]] = {}
    for identity, one in known.items():
        following.setdefault(one.cause, {})[identity] = one
    spoken: dict[str, Finding] = {}
    touched = (cause for one in near for cause in (before[one.id].cause, one.cause, one.id) if cause)
    for cause in dict.fromkeys(touched):
        spoken |= _let_speak(known.get(cause), following.get(cause, {}).values(), before)
    changes = [
        _changed(
            one, _told(one, link := found.get(one.id), spoken.get(one.id)), link.root.opened_time if link else time
        )
        for one in {one.id: one for one in (*near, *(known[identity] for identity in spoken))}.values()
        if before.get(one.id) != (one.cause, one.explained)
    ]
    for one in near:
        if one.id in following or one.consequences:
            changes += _lead(one, following.get(one.id, {}), known)
    return changes


class _Place(NamedTuple):
    cause: str
    explained: bool


def _place(finding: Finding, link: Link | None, known: Mapping[str, Finding]) -> None:
    """Bring the finding's cause up to date; one that has closed stays its cause."""
    if link is not None:
        finding.cause = link.root.id
    elif finding.cause in known:
        finding.cause, finding.explained = "", False  # another order of first sight has come to light


def _let_speak(root: Finding | None, following: Iterable[Finding], before: Mapping[str, _Place]) -> dict[str, Finding]:
    """Let one finding of each severity speak for what follows from a root; return by ID who speaks for whom now.

    The root (None: it has closed) speaks for what is no more severe than itself; of what is more severe, the first to
    open does. `before` tells how those stood whose cause may have changed.
    """
    speaker = None if root is None or root.explained else root
    is_heard = speaker is not None and _urgency(speaker) == len(SEVERITIES) - 1
    spoken: dict[str, Finding] = {}
    for one in following if is_heard else sorted(following, key=_opening):
        if is_heard and one.explained and not one.orphaned and one.id not in before:
            continue  # as it was: of a storm on a thousand ranks most are
        if speaker is not None and _urgency(speaker) >= _urgency(one):
            if not one.explained or one.orphaned or one.id in before:
                spoken[one.id] = speaker
            one.explained, one.orphaned = True, False
        elif one.explained and (speaker is None or one.id not in before or before[one.id].cause == one.cause):
            one.orphaned = True
        else:
            one.explained, one.orphaned, speaker = False, False, one
    return spoken


def _opening(finding: Finding) -> tuple[float, int, tuple[float, float, str, str]]:
    """Return what findings speak in the order of; of one moment, the first in the catalogue."""
    return finding.opened_time, _PLACES.get(finding.fault, len(_PLACES)), first_sight(finding)


def _told(finding: Finding, link: Link | None, speaker: Finding | None) -> str:
    """Return why a finding stands where it does now."""
    if link is None:
        return f"{_named(speaker, finding.rank)} is alerted for it" if speaker else "it follows from nothing else"
    sentence = f"follows from {_named(link.parent, finding.rank)}: {link.why}"
    if link.root is not link.parent:
        sentence += f"; it began with {_named(link.root, finding.rank)}"
    if speaker is None:
        return f"{sentence}; it is {finding.severity}, so it is alerted all the same"
    return sentence if speaker is link.root else f"{sentence}; {_named(speaker, finding.rank)} is alerted for it"


def _named(finding: Finding, rank: str) -> str:
    return finding.fault if finding.rank == rank else f"{finding.fault} on rank {shortened(finding.rank)}"


def _urgency(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _lead(root: Finding, following: Mapping[str, Finding], known: Mapping[str, Finding]) -> list[IncidentChange]:
    """Bring what followed from a finding up to date; what has closed stays, what follows from another goes."""
    before = {_kind(one): one for one in root.consequences}
    kept = {kind: one for kind, one in before.items() if one.finding not in known or one.finding in following}
    joined = _joined(kept, _consequences(root, following.values()))
    root.consequences = sorted(joined.values(), key=_order)[:MAX_CONSEQUENCES]
    lines = list(map(_line, root.consequences))
    root.evidence = [*(one for one in root.evidence if one.role is not EvidenceRole.CONSEQUENCE), *lines]
    told = zip(root.consequences, lines, strict=True)
    news = [(one, line) for one, line in told if _is_news(one, before.get(_kind(one)))]
    return [_changed(root, line.sentence, one.time) for one, line in news]


def _kind(consequence: Consequence) -> tuple[str, bool]:
    return consequence.fault, consequence.ranks > 0


def _consequences(root: Finding, following: Iterable[Finding]) -> list[Consequence]:
    """Return what follows, the first of each kind with how many there are on other ranks."""
    kinds: dict[tuple[str, bool], list[Finding]] = {}
    for one in following:
        kinds.setdefault((one.fault, one.rank != root.rank), []).append(one)
    return [
        _consequence(min(members, key=first_sight), len(members) if is_elsewhere else 0)
        for (_, is_elsewhere), members in kinds.items()
    ]


def _consequence(first: Finding, ranks: int) -> Consequence:
    return Consequence(first.fault, first.id, first.rank, seen_time(first), first.first_seen_step, ranks)


def _joined(
    kept: dict[tuple[str, bool], Consequence], current: Iterable[Consequence]
) -> dict[tuple[str, bool], Consequence]:
    for one in current:
        before = kept.get(_kind(one))
        first = one if before is None or _order(one) < _order(before) else before
        most = max(one.ranks, before.ranks if before else 0)
        kept[_kind(one)] = msgspec.structs.replace(first, ranks=most)
    return kept


def _order(consequence: Consequence) -> tuple[float, float, str, str]:
    step = inf if consequence.step is None else consequence.step
    return step, consequence.time, consequence.rank, consequence.fault


def _line(consequence: Consequence) -> Evidence:
    step, count = consequence.step, consequence.ranks
    place = "" if step is None else f" from step {step}"
    if count:
        place = f" on {count} other rank{'s' if count > 1 else ''}, first on rank {shortened(consequence.rank)}{place}"
    sentence = f"then: {consequence.fault}{place}"
    return Evidence(sentence, step=step, time=consequence.time, role=EvidenceRole.CONSEQUENCE)


def _is_news(now: Consequence, before: Consequence | None) -> bool:
    """Return whether the journal hears of it: a new kind, and each doubling of the ranks."""
    return before is None or (now.ranks > before.ranks and now.ranks & (now.ranks - 1) == 0)


def _changed(finding: Finding, sentence: str, time: float) -> IncidentChange:
    when = max(time, finding.opened_time)
    return IncidentChange(ChangeKind.CHANGED, finding.copy(), when, finding.opened_step, sentence)

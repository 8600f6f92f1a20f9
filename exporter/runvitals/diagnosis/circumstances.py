"""From what surrounds a finding to its category, how sure that is, its first action, and the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runvitals.catalogue import circumstances, signals
from runvitals.catalogue.circumstances import EVENT_SECONDS, Circumstance
from runvitals.diagnosis.causes import seen_time
from runvitals.diagnosis.recent_events import kind_of
from runvitals.diagnosis.signs import SIGNS
from runvitals.diagnosis.situation import Situation
from runvitals.values import Event, EventKind, Evidence, EvidenceRole, Finding

MAX_CIRCUMSTANCES = 6
MAX_TEXT = 80
"""Characters of other people's text in a sentence that must fit an SMS."""

_OF_A_BATCH = frozenset(
    signal.name
    for signal in (
        *(signals.LOSS, signals.GRAD_NORM, signals.CLIPPED_GRAD_NORM, signals.UPDATE_RATIO, signals.LOSS_SCALE),
        *(signals.INPUT_MEAN, signals.INPUT_STDDEV, signals.INPUT_NONFINITE_RATIO, signals.INPUT_MISSING_RATIO),
        *(signals.INPUT_CONSTANT_RATIO, signals.BATCH_FINGERPRINT),
    )
)
"""What depends on the batch of its step: a finding on these names it."""


class Judgement(NamedTuple):
    """What the circumstances say of a finding; `confidence` is None where they leave its category as it is."""

    category: str
    confidence: float | None
    first_action: str
    evidence: list[Evidence]


def judge(situation: Situation) -> Judgement:
    """Return what the circumstances say of the finding: the first rule of the catalogue that holds decides."""
    finding = situation.finding
    rules = [(rule, found) for rule in circumstances.ALL if (found := _holds(rule, situation)) is not None]
    evidence = [*_batches(situation), *(one for _, found in rules for one in found)]
    evidence = list({one.sentence: one for one in evidence}.values())[:MAX_CIRCUMSTANCES]
    if not rules:
        return Judgement(finding.category, None, finding.first_action, evidence)
    decisive, _ = rules[0]
    action = decisive.first_action or finding.first_action
    return Judgement(decisive.category, decisive.confidence, action, evidence)


def judge_late(finding: Finding, event: Event) -> Judgement | None:
    """Return what an event says of a finding that is open already; None where it says nothing of it.

    The category stays what it was at the opening.
    """
    if event.kind is EventKind.BATCH:
        found = _named_batch(finding, event)
        return Judgement(finding.category, None, finding.first_action, [found]) if found else None
    for rule in circumstances.ALL:
        if finding.fault in rule.faults and _speaks_of(event, finding, rule):
            action = rule.first_action if finding.category_confidence is None else ""
            return Judgement(finding.category, None, action or finding.first_action, [_logged(event, finding)])
    return None


def _holds(rule: Circumstance, situation: Situation) -> list[Evidence] | None:
    """Return the evidence for the rule; None where it does not hold."""
    if situation.finding.fault not in rule.faults:
        return None
    found: list[Evidence] = []
    for needed, seen in (
        (rule.events, _events(rule, situation)),
        (rule.findings, _findings(rule, situation)),
    ):
        if needed and not seen:
            return None
        found += seen
    signs = [SIGNS[name](situation) for name in rule.signs]
    return None if None in signs else [*found, *(one for one in signs if one is not None)]


def _events(rule: Circumstance, situation: Situation) -> list[Evidence]:
    near = [one for one in situation.events.evidence if _speaks_of(one, situation.finding, rule)]
    return [_logged(near[-1], situation.finding)] if near else []


def _findings(rule: Circumstance, situation: Situation) -> list[Evidence]:
    known = (situation.findings.get(name) for name in rule.findings)
    return [_open_then(one) for one in known if one is not None and one is not situation.finding]


def _speaks_of(event: Event, finding: Finding, rule: Circumstance) -> bool:
    is_near = -EVENT_SECONDS <= event.time - finding.opened_time <= rule.seconds_after
    return is_near and kind_of(event) in rule.events


def _logged(event: Event, finding: Finding) -> Evidence:
    if event.kind is EventKind.RUN_RAISED:
        what = f"the process raised {shortened(event.text)}"
    else:
        text = shortened(event.text)
        what = f"told in the log: {event.kind.value.replace('_', ' ')}{f' ({text})' if text else ''}"
    seconds = seen_time(finding) - event.time
    when = "" if abs(seconds) < 1.0 else f", {abs(seconds):.0f} s {'before' if seconds > 0.0 else 'after'}"
    return Evidence(what + when, step=event.step, time=event.time, role=EvidenceRole.CIRCUMSTANCE)


def _open_then(other: Finding) -> Evidence:
    since = "" if other.first_seen_step is None else f" since step {other.first_seen_step}"
    sentence = f"{other.fault} was open{since}"
    return Evidence(sentence, step=other.first_seen_step, time=other.first_seen_time, role=EvidenceRole.CIRCUMSTANCE)


def _batches(situation: Situation) -> Iterator[Evidence]:
    for event in situation.events.batches:
        found = _named_batch(situation.finding, event)
        if found:
            yield found


def _named_batch(finding: Finding, event: Event) -> Evidence | None:
    """Return the batch's name if it is that of the step of the first sight, or of the one before."""
    step = finding.first_seen_step
    if step is None or event.step is None or not 0 <= step - event.step <= 1 or not _depends_on_batch(finding):
        return None
    name = shortened(event.text)
    sentence = f"batch {name}" if event.step == step else f"batch of the step before: {name}"
    return Evidence(sentence, step=event.step, time=event.time, role=EvidenceRole.CIRCUMSTANCE)


def _depends_on_batch(finding: Finding) -> bool:
    return any(one.signal in _OF_A_BATCH for one in finding.evidence if one.role is EvidenceRole.OBSERVATION)


def shortened(text: str) -> str:
    """Return other people's text on one line, cut to what fits an SMS."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def added(finding: Finding, evidence: Iterable[Evidence]) -> list[Evidence]:
    """Add circumstances to a finding, as many as there is room for; return those that are new."""
    known = {one.sentence for one in finding.evidence}
    room = MAX_CIRCUMSTANCES - sum(one.role is EvidenceRole.CIRCUMSTANCE for one in finding.evidence)
    new = [one for one in evidence if one.sentence not in known][: max(0, room)]
    place = sum(one.role is not EvidenceRole.CONSEQUENCE for one in finding.evidence)
    finding.evidence[place:place] = new
    return new


def takes_over(finding: Finding, judgement: Judgement) -> None:
    """Give the finding what the circumstances say of it: to be called before anyone has seen its category."""
    finding.category, finding.category_confidence = judgement.category, judgement.confidence
    finding.first_action = judgement.first_action
    finding.evidence = [one for one in finding.evidence if one.role is not EvidenceRole.CIRCUMSTANCE]
    added(finding, judgement.evidence)

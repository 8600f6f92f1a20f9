"""The verdicts on one rank become its findings: opening, evidence, closing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from runvitals.catalogue.faults import Fault
from runvitals.diagnosis.hysteresis import Change, Hysteresis
from runvitals.diagnosis.settings import FaultTable
from runvitals.values import OK, Bar, ChangeKind, Event, Evidence, Finding, IncidentChange, State, Verdict

MAX_EVIDENCE = 4
MAX_CLOSED = 64
RECOVERED = "recovered"
RUN_ENDED = "run ended"
RESTARTED = "run started again"
EXPIRED = "expired"
RESOLVED = "resolved by an operator"
FALSE_ALARM = "called a false alarm by an operator"
SILENT = "silent for too long"
DISABLED = "switched off"


class RankDiagnosis(msgspec.Struct):
    """What is wrong with one rank, and what was.

    `trackers` hold the hysteresis by fault and, within it, by signal (`signal/layer` for one layer): a fault is open
    while any of them holds it open. `opened` keeps each (fault, category, severity) that has been open; `incidents`
    counts openings. `bars` are those that false alarms have raised, by fault and signal. `changes` holds what happened
    to findings until it is taken.
    """

    run: str
    rank: str
    trackers: dict[str, dict[str, Hysteresis]] = {}
    open: dict[str, Finding] = {}
    closed: list[Finding] = []
    opened: list[tuple[str, str, str]] = []
    incidents: dict[tuple[str, str], int] = {}
    bars: dict[str, dict[str, Bar]] = {}
    changes: list[IncidentChange] = []

    def observe(
        self,
        fault: Fault,
        verdict: Verdict,
        signal: str,
        time: float,
        step: int | None,
        anchor: float | None = None,
        layer: str = "",
    ) -> None:
        """Take one verdict on a fault, seen on `signal` of `layer` (empty: on no signal) at `time` and `step`.

        `anchor` takes the place of `time` in the name of a finding that opens, where `time` is when somebody looked.
        """
        bar = self.bars.get(fault.name, {}).get(signal) if self.bars else None
        tracker = self._tracker(fault, f"{signal}/{layer}" if layer else signal, bar)
        if bar is not None:
            verdict = _under(bar, verdict)
        change = tracker.observe(verdict.state)
        is_new = change is Change.OPENED and fault.name not in self.open
        if is_new:
            self._open(fault, verdict, time, step, time if anchor is None else anchor)
        elif change is Change.CLOSED and fault.name in self.open and not self._is_held_open(fault.name):
            self._close(fault.name, time, step, verdict.note or RECOVERED)
        is_told = verdict.state is State.FIRING and fault.name in self.open
        has_grown = is_told and _add_evidence(self.open[fault.name], verdict)
        if is_new or has_grown:
            self._note(ChangeKind.OPENED if is_new else ChangeKind.CHANGED, self.open[fault.name], time, step)

    def close(self, identity: str, time: float, step: int | None, reason: str) -> bool:
        """Close the open finding of this name; return whether there is one.

        It opens anew only after it has recovered and fires again.
        """
        for name, finding in self.open.items():
            if finding.id == identity:
                self._close(name, time, step, reason)
                return True
        return False

    def close_all(self, time: float, step: int | None, reason: str, keep: str = "") -> None:
        """Close every open finding but `keep`, and forget what led to them."""
        for name in [name for name in self.open if name != keep]:
            self._close(name, time, step, reason)
        for name, trackers in self.trackers.items():
            if name != keep:
                for tracker in trackers.values():
                    tracker.reset()

    def forget_states(self) -> None:
        """Nobody tells any more how the rank is: what is not open is unknown."""
        for trackers in self.trackers.values():
            for tracker in trackers.values():
                tracker.last = State.UNKNOWN

    def expire(self, fault: Fault, now: float, seconds: float) -> None:
        """Close the fault's finding if it opened `seconds` ago."""
        finding = self.open.get(fault.name)
        if finding is not None and now - finding.opened_time >= seconds:
            self._close(fault.name, finding.opened_time + seconds, finding.opened_step, EXPIRED)
            for tracker in self.trackers[fault.name].values():
                tracker.reset()

    def find(self, identity: str) -> Finding | None:
        """Return the finding of this name, open or closed; None if it is not remembered."""
        return next((one for one in (*self.open.values(), *self.closed) if one.id == identity), None)

    def note_action(self, event: Event) -> None:
        """Note on the open finding with whose name the event's text begins what was done about it."""
        identity, _, said = event.text.partition(" ")
        finding = next((one for one in self.open.values() if one.id == identity), None)
        if finding is not None:
            copy = msgspec.structs.replace(finding, evidence=list(finding.evidence))
            self.changes.append(IncidentChange(ChangeKind.CHANGED, copy, event.time, event.step, f"action: {said}"))

    def states(self, table: FaultTable) -> dict[State, int]:
        """Count the faults by state; one that is switched off is unknown."""
        counts = dict.fromkeys(State, 0)
        for name in table.faults:
            counts[self._state(name) if table.enabled(name) else State.UNKNOWN] += 1
        return counts

    def reconfigure(self, table: FaultTable) -> None:
        """Take over other counts; trackers of faults that the table does not know are dropped."""
        self.trackers = {name: trackers for name, trackers in self.trackers.items() if name in table.faults}
        for name, trackers in self.trackers.items():
            fault = table.faults[name]
            for tracker in trackers.values():
                tracker.open_count, tracker.open_window = fault.open_count, fault.open_window
                tracker.close_count = fault.close_count

    def close_disabled(self, table: FaultTable, time: float, step: int | None) -> None:
        """Close the findings of faults that are switched off, or that the table does not know: nobody watches them."""
        for name in [name for name in self.open if name not in table.faults or table.enabled(name) is None]:
            self._close(name, time, step, DISABLED)
            for tracker in self.trackers.get(name, {}).values():
                tracker.reset()

    def findings(self) -> Iterator[Finding]:
        """Yield copies of all findings, open ones first."""
        for finding in (*self.open.values(), *reversed(self.closed)):
            yield msgspec.structs.replace(finding, evidence=list(finding.evidence))

    def _tracker(self, fault: Fault, place: str, bar: Bar | None) -> Hysteresis:
        trackers = self.trackers.setdefault(fault.name, {})
        tracker = trackers.get(place)
        if tracker is None:
            tracker = trackers[place] = Hysteresis(fault.open_count, fault.open_window, fault.close_count)
        if bar is not None:  # `reconfigure` takes this back
            tracker.open_count, tracker.open_window = fault.open_count * bar.times, fault.open_window * bar.times
        return tracker

    def _note(self, kind: ChangeKind, finding: Finding, time: float, step: int | None) -> None:
        copy = msgspec.structs.replace(finding, evidence=list(finding.evidence))
        sentence = finding.evidence[-1].sentence if finding.evidence else finding.fault
        self.changes.append(IncidentChange(kind, copy, time, step, finding.closed_reason or sentence))

    def _is_held_open(self, name: str) -> bool:
        return any(tracker.is_open for tracker in self.trackers[name].values())

    def _state(self, name: str) -> State:
        if name in self.open:
            return State.FIRING
        states = [tracker.last for tracker in self.trackers.get(name, {}).values()]
        # A verdict that fires but has not opened the fault yet is no fault; without any answer nothing is known.
        return State.OK if any(state is not State.UNKNOWN for state in states) else State.UNKNOWN

    def _open(self, fault: Fault, verdict: Verdict, time: float, step: int | None, anchor: float) -> None:
        self.open[fault.name] = Finding(
            id=_identity(self.run, self.rank, fault.name, anchor),
            fault=fault.name,
            category=fault.category,
            severity=fault.severity,
            run=self.run,
            rank=self.rank,
            opened_time=time,
            opened_step=step,
            confidence=verdict.confidence,
            evidence=[],
            first_action=fault.first_action,
        )
        labels = fault.name, fault.category, fault.severity
        if labels not in self.opened:
            self.opened.append(labels)
        incident = fault.name, fault.category
        self.incidents[incident] = self.incidents.get(incident, 0) + 1

    def _close(self, name: str, time: float, step: int | None, reason: str) -> None:
        finding = self.open.pop(name)
        finding.closed_time, finding.closed_step, finding.closed_reason = time, step, reason
        self.closed.append(finding)
        del self.closed[:-MAX_CLOSED]
        self._note(ChangeKind.CLOSED, finding, time, step)


def _under(bar: Bar, verdict: Verdict) -> Verdict:
    """Return the verdict as it counts where a false alarm has raised the bar."""
    if verdict.state is not State.FIRING or bar.score is None or verdict.score is None or verdict.score > bar.score:
        return verdict
    return OK


def _add_evidence(finding: Finding, verdict: Verdict) -> bool:
    """Keep the first pieces of evidence and, in the last place, the newest; return whether there is one more now."""
    finding.confidence = max(finding.confidence, verdict.confidence)
    if verdict.score is not None:
        finding.score = verdict.score if finding.score is None else max(finding.score, verdict.score)
    evidence: Evidence | None = verdict.evidence
    if evidence is None or (finding.evidence and _is_same(evidence, finding.evidence[-1])):
        return False
    is_full = len(finding.evidence) >= MAX_EVIDENCE
    if is_full:
        finding.evidence.pop()
    finding.evidence.append(evidence)
    return not is_full


def _is_same(one: Evidence, other: Evidence) -> bool:
    """Return whether two pieces of evidence are one. The sentence stands for the value: NaN does not equal itself."""
    return _what(one) == _what(other)


def _what(evidence: Evidence) -> tuple[str, str, str, int | None, float | None]:
    return evidence.sentence, evidence.signal, evidence.layer, evidence.step, evidence.time


def _identity(run: str, rank: str, fault: str, time: float) -> str:
    """Return a name for the finding that a replay or a restarted sidecar would give it too."""
    text = "\0".join((run, rank, fault, repr(time)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]

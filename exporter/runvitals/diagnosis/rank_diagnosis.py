"""The verdicts on one rank become its findings: opening, evidence, closing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from runvitals.catalogue.faults import Fault
from runvitals.diagnosis.circumstances import Judgement, added, takes_over
from runvitals.diagnosis.hysteresis import Change, Hysteresis, Sight
from runvitals.diagnosis.observations import newest, observed
from runvitals.diagnosis.settings import FaultTable
from runvitals.values import OK, Bar, ChangeKind, Event, Finding, IncidentChange, State, Verdict

_OK = State.OK
MAX_CLOSED = 64
RECOVERED = "recovered"
RUN_ENDED = "run ended"
RESTARTED = "run started again"
EXPIRED = "expired"
RESOLVED = "resolved by an operator"
RESOLVED_WITH_CAUSE = "its cause was resolved by an operator"
FALSE_ALARM = "called a false alarm by an operator"
SILENT = "silent for too long"
DISABLED = "switched off"
GOES_ON = "its cause has closed, it goes on by itself"


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
    ) -> Finding | None:
        """Take one verdict on a fault, seen on `signal` of `layer` (empty: on no signal) at `time` and `step`.

        `anchor` takes the place of `time` in the name of a finding that opens, where `time` is when somebody looked.
        Returns the finding where one opens; it has to be given to `announce`.
        """
        place = f"{signal}/{layer}" if layer else signal
        bar = self.bars.get(fault.name, {}).get(signal) if self.bars else None
        tracker = self._tracker(fault, place, bar)
        if bar is not None:
            verdict = _under(bar, verdict)
        change = tracker.observe(verdict.state, time, step)
        is_open = fault.name in self.open
        if change is Change.OPENED and not is_open:
            return self._open(fault, verdict, tracker, time, step, time if anchor is None else anchor)
        if change is Change.CLOSED and is_open and not self._is_held_open(fault.name):
            self._close(fault.name, time, step, verdict.note or RECOVERED)
        elif is_open and verdict.state is State.FIRING:
            self._see_again(self.open[fault.name], verdict, time, step)
        return None

    def announce(self, finding: Finding) -> None:
        """Tell of a finding that has opened, once its category is known: from now on its labels are frozen."""
        self._count(finding, 1)
        self._tell(ChangeKind.OPENED, finding, finding.opened_time, finding.opened_step, newest(finding))

    def judge_late(self, finding: Finding, judgement: Judgement, time: float, step: int | None) -> None:
        """Add what was told after the opening; the category stays what it was."""
        finding.first_action = judgement.first_action
        for one in added(finding, judgement.evidence):
            self._tell(ChangeKind.CHANGED, finding, time, step, one.sentence)

    def judge_anew(self, finding: Finding, judgement: Judgement) -> None:
        """Take over what the rest of the record that opened the finding says of it; nobody has seen it yet."""
        if (judgement.category, judgement.confidence) == (finding.category, finding.category_confidence):
            return
        self._count(finding, -1)
        takes_over(finding, judgement)
        self._count(finding, 1)
        sentence = judgement.evidence[0].sentence if judgement.evidence else finding.category
        self._tell(ChangeKind.CHANGED, finding, finding.opened_time, finding.opened_step, sentence)

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

    def states(self, table: FaultTable) -> dict[str, State]:
        """Return the state of each fault; one that is switched off is unknown."""
        return {name: self._state(name) if table.enabled(name) else State.UNKNOWN for name in table.faults}

    def note_action(self, event: Event) -> None:
        """Note on the open finding with whose name the event's text begins what was done about it."""
        identity, _, said = event.text.partition(" ")
        finding = next((one for one in self.open.values() if one.id == identity), None)
        if finding is not None:
            self._tell(ChangeKind.CHANGED, finding, event.time, event.step, f"action: {said}")

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
        """Yield all findings: copies of the open ones first, then the closed ones, which change no more."""
        for finding in self.open.values():
            yield finding.copy()
        yield from reversed(self.closed)

    def stays_calm(self, fault: str, signal: str, layer: str = "") -> bool:
        """Take the verdict `OK` where nothing has fired of late, which changes nothing; return whether that is so.

        Any other verdict is for `observe`, and so is this one where the answer is no.
        """
        trackers = self.trackers.get(fault)
        tracker = trackers.get(f"{signal}/{layer}" if layer else signal) if trackers else None
        if tracker is None or tracker.is_open or tracker.recent:
            return False
        tracker.last = _OK
        return True

    def _tracker(self, fault: Fault, place: str, bar: Bar | None) -> Hysteresis:
        trackers = self.trackers.setdefault(fault.name, {})
        tracker = trackers.get(place)
        if tracker is None:
            tracker = trackers[place] = Hysteresis(fault.open_count, fault.open_window, fault.close_count)
        if bar is not None:  # `reconfigure` takes this back
            tracker.open_count, tracker.open_window = fault.open_count * bar.times, fault.open_window * bar.times
        return tracker

    def _see_again(self, finding: Finding, verdict: Verdict, time: float, step: int | None) -> None:
        if observed(finding, verdict):
            self._tell(ChangeKind.CHANGED, finding, time, step, newest(finding))
        if finding.orphaned:
            finding.orphaned = finding.explained = False
            self._tell(ChangeKind.CHANGED, finding, time, step, GOES_ON)

    def _tell(self, kind: ChangeKind, finding: Finding, time: float, step: int | None, sentence: str) -> None:
        self.changes.append(IncidentChange(kind, finding.copy(), time, step, sentence))

    def _count(self, finding: Finding, by: int) -> None:
        """Count an opening, or take it back, under the finding's category."""
        incident = finding.fault, finding.category
        self.incidents[incident] = self.incidents.get(incident, 0) + by
        if not self.incidents[incident]:
            del self.incidents[incident]
        self.opened = [labels for labels in self.opened if labels[:2] in self.incidents]
        labels = *incident, finding.severity
        if by > 0 and labels not in self.opened:
            self.opened.append(labels)

    def _is_held_open(self, name: str) -> bool:
        return any(tracker.is_open for tracker in self.trackers[name].values())

    def _state(self, name: str) -> State:
        if name in self.open:
            return State.FIRING
        states = [tracker.last for tracker in self.trackers.get(name, {}).values()]
        # A verdict that fires but has not opened the fault yet is no fault; without any answer nothing is known.
        return State.OK if any(state is not State.UNKNOWN for state in states) else State.UNKNOWN

    def _open(
        self, fault: Fault, verdict: Verdict, tracker: Hysteresis, time: float, step: int | None, anchor: float
    ) -> Finding:
        first = tracker.sights[0] if tracker.sights else Sight(time, step)
        finding = self.open[fault.name] = Finding(
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
            first_seen_time=first.time,
            first_seen_step=first.step,
        )
        observed(finding, verdict)
        return finding

    def _close(self, name: str, time: float, step: int | None, reason: str) -> None:
        finding = self.open.pop(name)
        finding.closed_time, finding.closed_step, finding.closed_reason = time, step, reason
        self.closed.append(finding)
        del self.closed[:-MAX_CLOSED]
        self._tell(ChangeKind.CLOSED, finding, time, step, reason)


def _under(bar: Bar, verdict: Verdict) -> Verdict:
    """Return the verdict as it counts where a false alarm has raised the bar."""
    if verdict.state is not State.FIRING or bar.score is None or verdict.score is None or verdict.score > bar.score:
        return verdict
    return OK


def _identity(run: str, rank: str, fault: str, time: float) -> str:
    """Return a name for the finding that a replay or a restarted sidecar would give it too."""
    text = "\0".join((run, rank, fault, repr(time)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]

"""One rank: its detectors, its diagnosis, and how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from runvitals.catalogue import faults, signals
from runvitals.catalogue.faults import Fault
from runvitals.detectors import DETECTORS, AnyDetector, Hang
from runvitals.detectors.duplicate_writer import verdict_on_duplicate
from runvitals.detectors.explosion_probability import ExplosionProbability
from runvitals.detectors.gradient_explosion import GradientExplosion
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.detectors.run_end import verdict_on_end
from runvitals.diagnosis import rank_diagnosis
from runvitals.diagnosis.rank_diagnosis import RankDiagnosis
from runvitals.diagnosis.settings import FaultTable
from runvitals.pipeline.flight_recorder import RECORDS_AFTER, FlightRecorder
from runvitals.series import Admission, Series
from runvitals.values import (
    OK,
    Bar,
    ChangeKind,
    Event,
    EventKind,
    Finding,
    IncidentChange,
    RankView,
    RunStatus,
    Sample,
    Verdict,
)

_ENDS = {
    EventKind.RUN_FINISHED: RunStatus.FINISHED,
    EventKind.RUN_RAISED: RunStatus.RAISED,
    EventKind.RUN_CRASHED: RunStatus.CRASHED,
}
_LEADING = frozenset({signals.LOSS.name, signals.GRAD_NORM.name})
_SEGMENTS = frozenset({EventKind.RUN_STARTED, EventKind.RESUME, EventKind.PHASE})
_PAUSES = frozenset({EventKind.EVALUATION, EventKind.CHECKPOINT})


_Detector = TypeVar("_Detector", AnyDetector, Hang)


class Rank(msgspec.Struct):
    """Everything known about one rank but its series.

    `source` names where its steps come from, `admitted_by` which source was the first to speak of it; `has_writer`
    tells that a source reports its start and end. `onsets` holds, by finding, how far the flight recorder must have
    come until what followed the opening is told too.
    """

    run: str
    rank: str
    source: str
    admitted_by: str
    diagnosis: RankDiagnosis
    hang: Hang
    detectors: dict[str, AnyDetector]
    status: RunStatus = RunStatus.UNKNOWN
    info: dict[str, str] = {}
    has_writer: bool = False
    is_led: bool = False
    step: int | None = None
    last_step_time: float | None = None
    last_seen: float = 0.0
    ended_time: float | None = None
    recorder: FlightRecorder = msgspec.field(default_factory=FlightRecorder)
    onsets: dict[str, int] = {}

    @classmethod
    def create(cls, run: str, rank: str, source: str, table: FaultTable) -> Rank:
        """Return a rank of which nothing has been seen."""
        return cls(run, rank, source, source, RankDiagnosis(run, rank), make_hang(table), make_detectors(table))

    def reconfigure(self, table: FaultTable) -> None:
        """Take over other thresholds and counts; what was seen is kept.

        A saved state may be that of another version: a fault that it does not know begins anew.
        """
        self.diagnosis.reconfigure(table)
        self.diagnosis.close_disabled(table, self.last_seen, self.step)
        self.detectors = {
            name: _with_thresholds(self.detectors.get(name, fresh), fresh, table.faults[name])
            for name, fresh in make_detectors(table).items()
        }
        self.hang = _with_thresholds(self.hang, make_hang(table), table.faults[faults.HANG.name])

    def observe(self, sample: Sample, series: Series, admission: Admission, table: FaultTable) -> None:
        """Show a sample that was admitted to every detector of its signal."""
        self.last_seen = max(self.last_seen, sample.time)
        if sample.step is not None and self._is_led_by(sample.signal):
            self._advance_step(sample.step, sample.time, table)
        if sample.step == self.step and not sample.layer:
            self._record(sample)
        for name in (WATCHED_LAYERS if sample.layer else WATCHED).get(sample.signal, ()):
            verdict = self.detectors[name].observe(sample, series, admission)
            fault = table.enabled(name)
            if verdict is not None and fault is not None:
                self.diagnosis.observe(fault, verdict, sample.signal, sample.time, sample.step, layer=sample.layer)

    def lose_source(self) -> None:
        """Nobody reads its source any more: whether it runs cannot be known."""
        if self.status is RunStatus.RUNNING:
            self.status = RunStatus.UNKNOWN
            self.diagnosis.forget_states()

    def go_back(self, signal: str, time: float) -> None:
        """The steps of a signal went back far: what comes is another segment."""
        if self._is_led_by(signal):
            self.step = None
            self.hang.start(time)

    def advance(self, now: float, table: FaultTable) -> None:
        """Let time pass: judge what depends on the clock. Only what is known to live can be stalled."""
        if self.status is RunStatus.RUNNING:
            self._judge_hang(now, table)
        crashed = table.faults[faults.RUN_CRASHED.name]
        self.diagnosis.expire(crashed, now, crashed.thresholds["expires_seconds"].value)

    def handle(self, event: Event, series: Iterable[Series], table: FaultTable) -> None:
        """Take in something that happened; `series` are those of the rank."""
        self.last_seen = max(self.last_seen, event.time)
        self._take_in(event, table)
        self._show(event, table)
        if event.kind in _SEGMENTS:
            for one in series:
                one.start_segment()

    def _show(self, event: Event, table: FaultTable) -> None:
        """Show an event to the detectors that read its kind."""
        for name in WATCHED_EVENTS.get(event.kind, ()):
            verdict = self.detectors[name].observe_event(event)
            if verdict is not None:
                self._observe_event(table.faults[name], verdict, event.time, table)

    def _take_in(self, event: Event, table: FaultTable) -> None:
        if event.kind is EventKind.RUN_STARTED:
            self._start(event, table)
        elif event.kind in _ENDS:
            self._end(event, table)
        elif event.kind is EventKind.RUN_UNKNOWN:
            self.status = RunStatus.UNKNOWN
        elif event.kind is EventKind.RUN_HEARD_AGAIN:
            self.status = RunStatus.RUNNING
        elif event.kind in _PAUSES:
            self.hang.pause(event.time)
        elif event.kind is EventKind.MARK and event.fields.get("kind") == "action":
            self.diagnosis.note_action(event)
        elif event.kind is EventKind.DUPLICATE_WRITER:
            self._observe_event(faults.DUPLICATE_WRITER, verdict_on_duplicate(event), event.time, table)

    def take_changes(self) -> list[IncidentChange]:
        """Return what happened to findings since the last call, with the samples around the onset where they are due.

        To be called after each sample, event and advance: the samples are those of now.
        """
        changes, self.diagnosis.changes = self.diagnosis.changes, []
        return [self._with_onset(change) for change in changes]

    def set_bars(self, bars: dict[str, dict[str, Bar]], table: FaultTable) -> None:
        """Take over the bars that false alarms have raised on this run, by fault and signal."""
        self.diagnosis.bars = bars
        self.diagnosis.reconfigure(table)

    def silent_since(self, now: float, seconds: float) -> bool:
        """Return whether nothing has come for so long; a rank whose end will be reported never is silent so."""
        is_reported = self.has_writer and self.status is not RunStatus.UNKNOWN
        return not is_reported and now - self.last_seen >= seconds

    def close_silent(self, seconds: float) -> None:
        """Close what is open: nothing has come for so long that the run has most likely ended."""
        self.diagnosis.close_all(self.last_seen + seconds, self.step, rank_diagnosis.SILENT)

    def view(self, table: FaultTable, now: float, hold_seconds: float) -> RankView:
        """Return the rank as the page shows it at `now`; findings stay active for `hold_seconds` at least."""
        findings = tuple(self.diagnosis.findings())
        active = tuple(one for one in findings if one.is_open or now - one.opened_time < hold_seconds)
        return RankView(
            run=self.run,
            rank=self.rank,
            status=self.status,
            info=dict(self.info),
            step=self.step,
            last_step_time=self.last_step_time,
            explosion_probability=self.explosion_probability,
            explosion_hazard=self.explosion_hazard,
            explosion_skipped=dict(self._forecast.skipped) if self._forecast else {},
            fault_active={**dict.fromkeys(self.diagnosis.opened, 0), **dict.fromkeys(map(_labels, active), 1)},
            fault_states=self.diagnosis.states(table),
            incidents=dict(self.diagnosis.incidents),
            active=active,
            findings=findings,
        )

    def _is_led_by(self, signal: str) -> bool:
        """Return whether the signal's steps are the rank's: others may count tokens or epochs, once these are known."""
        if signal in _LEADING and not self.is_led:
            self.is_led, self.step = True, None
        return signal in _LEADING or not self.is_led

    def _start(self, event: Event, table: FaultTable) -> None:
        self.diagnosis.close_all(event.time, self.step, rank_diagnosis.RESTARTED)
        self.detectors = make_detectors(table)
        self.hang.start(event.time)
        self.status, self.has_writer, self.ended_time = RunStatus.RUNNING, True, None
        self.info = dict(event.fields)
        self.step = self.last_step_time = None
        for fault in (faults.RUN_CRASHED, faults.DUPLICATE_WRITER):
            self._observe_event(fault, OK, event.time, table)

    def _end(self, event: Event, table: FaultTable) -> None:
        self.status, self.has_writer, self.ended_time = _ENDS[event.kind], True, event.time
        self.diagnosis.close_all(event.time, self.step, rank_diagnosis.RUN_ENDED)
        verdict = verdict_on_end(event)
        if verdict is not None:
            # The event is dated to when the process was found dead; another sidecar would find it at another time.
            self._observe_event(faults.RUN_CRASHED, verdict, event.time, table, self.last_step_time)

    def _observe_event(
        self, fault: Fault, verdict: Verdict, time: float, table: FaultTable, anchor: float | None = None
    ) -> None:
        enabled = table.enabled(fault.name)
        if enabled is not None:
            self.diagnosis.observe(enabled, verdict, "", time, self.step, anchor)

    def _record(self, sample: Sample) -> None:
        """Keep a sample of the newest step; one without a step is kept where no writer has any."""
        if sample.step is None and self.has_writer:
            return
        self.recorder.observe(sample)
        if self.onsets:
            self._complete_onsets(sample)

    def _complete_onsets(self, sample: Sample) -> None:
        complete = [name for name, due in self.onsets.items() if self.recorder.count >= due]
        for name in complete:
            del self.onsets[name]
        for finding in self.diagnosis.open.values():
            if finding.id in complete:
                copy = msgspec.structs.replace(finding, evidence=list(finding.evidence))
                onset = self.recorder.until(sample.time)
                change = IncidentChange(ChangeKind.CHANGED, copy, sample.time, sample.step, "", onset)
                self.diagnosis.changes.append(change)

    def _with_onset(self, change: IncidentChange) -> IncidentChange:
        finding = change.finding
        if change.kind is ChangeKind.OPENED:
            self.onsets[finding.id] = self.recorder.count + RECORDS_AFTER
            return msgspec.structs.replace(change, onset=self.recorder.until(finding.opened_time))
        if change.kind is ChangeKind.CLOSED and self.onsets.pop(finding.id, None) is not None:
            return msgspec.structs.replace(change, onset=self.recorder.until(change.time))
        return change

    def _advance_step(self, step: int, time: float, table: FaultTable) -> None:
        if self.step is not None and step <= self.step:
            return
        self._judge_hang(time, table)  # whether it was overdue, before it came
        self.hang.advance_step(step, time)
        self._judge_hang(max(time, self.hang.since or time), table)
        self.step, self.last_step_time = step, time

    def _judge_hang(self, now: float, table: FaultTable) -> None:
        fault = table.enabled(faults.HANG.name)
        if fault is None:
            return
        verdict = self.hang.verdict(now)
        due = verdict.evidence.time if verdict.evidence else None
        self.diagnosis.observe(fault, verdict, "", now if due is None else due, self.step)

    @property
    def explosion_probability(self) -> float | None:
        """P at horizon 1, in 0..1; None while unknown."""
        return self._forecast.probability if self._forecast else None

    @property
    def explosion_hazard(self) -> float | None:
        """P at horizon 50, in 0..1; None while unknown."""
        detector = self.detectors[faults.GRADIENT_EXPLOSION_LIKELY.name]
        return detector.hazard.probability if isinstance(detector, GradientExplosionLikely) else None

    @property
    def _forecast(self) -> ExplosionProbability | None:
        detector = self.detectors[faults.GRADIENT_EXPLOSION.name]
        return detector.forecast if isinstance(detector, GradientExplosion) else None


def _labels(finding: Finding) -> tuple[str, str, str]:
    return finding.fault, finding.category, finding.severity


def make_detectors(table: FaultTable) -> dict[str, AnyDetector]:
    """Return a new detector for each fault that watches signals. Raises ValueError for impossible thresholds."""
    return {name: DETECTORS[fault.detector](**_values(fault)) for name, fault in table.faults.items() if fault.signals}


def make_hang(table: FaultTable) -> Hang:
    """Return a new watch over the clock. Raises ValueError for limits that make no sense."""
    return Hang(**_values(table.faults[faults.HANG.name]))


def _with_thresholds(detector: _Detector, fresh: _Detector, fault: Fault) -> _Detector:
    """Return the detector with the thresholds of a fresh one of its kind; the fresh one where the kinds differ."""
    if type(detector) is not type(fresh):
        return fresh
    for name in fault.thresholds:
        setattr(detector, name, getattr(fresh, name))
    return detector


def _values(fault: Fault) -> dict[str, Any]:
    return {name: threshold.value for name, threshold in fault.thresholds.items()}


def _watched(watching: Callable[[Fault], Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return, by what they watch, the names of the faults that have a detector."""
    watched: dict[str, tuple[str, ...]] = {}
    for fault in faults.ALL:
        for one in watching(fault) if fault.scope == "rank" else ():
            watched[one] = (*watched.get(one, ()), fault.name)
    return watched


def _signals(fault: Fault) -> tuple[str, ...]:
    return (*fault.signals, *fault.context)


WATCHED = _watched(_signals)
"""The faults that watch a signal of the whole rank, by the signal's name."""

WATCHED_LAYERS = _watched(lambda fault: _signals(fault) if fault.has_layers else ())
"""The faults that watch a signal of single layers, by the signal's name."""

WATCHED_EVENTS = _watched(lambda fault: fault.events if fault.signals else ())
"""The faults whose detectors read a kind of event, by the kind."""

"""One rank: its detectors, its diagnosis, and how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec

from runvitals.catalogue import faults, signals
from runvitals.catalogue.faults import Fault
from runvitals.detectors import AnyDetector, Hang
from runvitals.detectors.duplicate_writer import verdict_on_duplicate
from runvitals.detectors.explosion_probability import ExplosionProbability
from runvitals.detectors.gradient_explosion import GradientExplosion
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.detectors.run_end import verdict_on_end
from runvitals.detectors.vector_forecast import VectorForecast
from runvitals.diagnosis import rank_diagnosis
from runvitals.diagnosis.rank_diagnosis import RankDiagnosis
from runvitals.diagnosis.recent_events import RecentEvents
from runvitals.diagnosis.settings import FaultTable
from runvitals.diagnosis.signs import JUDGED
from runvitals.pipeline.flight_recorder import FlightRecorder
from runvitals.pipeline.replica_checksum import ReplicaChecksum
from runvitals.pipeline.surroundings import MAX_PEERS, Surroundings
from runvitals.pipeline.watching import (
    WATCHED_EVENTS,
    make_detectors,
    make_hang,
    reconfigured_detectors,
    reconfigured_hang,
)
from runvitals.series import Admission, Series
from runvitals.values import (
    OK,
    Bar,
    Event,
    EventKind,
    Finding,
    IncidentChange,
    RankView,
    RunStatus,
    Sample,
    State,
    Verdict,
)

_ENDS = {
    EventKind.RUN_FINISHED: RunStatus.FINISHED,
    EventKind.RUN_RAISED: RunStatus.RAISED,
    EventKind.RUN_CRASHED: RunStatus.CRASHED,
}
_HANG = faults.HANG.name
_CHECKSUM = signals.PARAMETER_CHECKSUM.name
_GRAD_CHANGE = signals.GRAD_CHANGE_RATIO.name
_OF_THE_RANK = frozenset({_CHECKSUM, _GRAD_CHANGE})
_LEADING = frozenset({signals.LOSS.name, signals.GRAD_NORM.name})
_SEGMENTS = frozenset({EventKind.RUN_STARTED, EventKind.RESUME, EventKind.PHASE})
_PAUSES = frozenset({EventKind.EVALUATION, EventKind.CHECKPOINT})


class Rank(msgspec.Struct):
    """Everything known about one rank but its series.

    `source` names where its steps come from, `admitted_by` which source was the first to speak of it; `has_writer`
    tells that a source reports its start and end.
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
    events: RecentEvents = msgspec.field(default_factory=RecentEvents)
    start_time: float | None = None
    checksums: dict[str, ReplicaChecksum] = {}
    vectors: VectorForecast | None = None

    @classmethod
    def create(cls, run: str, rank: str, source: str, table: FaultTable) -> Rank:
        """Return a rank of which nothing has been seen."""
        return cls(run, rank, source, source, RankDiagnosis(run, rank), make_hang(table), make_detectors(table))

    def reconfigure(self, table: FaultTable) -> None:
        """Take over other thresholds and counts; what was seen is kept."""
        self.diagnosis.reconfigure(table)
        self.diagnosis.close_disabled(table, self.last_seen, self.step)
        self.detectors = reconfigured_detectors(self.detectors, table)
        self.hang = reconfigured_hang(self.hang, table)

    def observe(
        self,
        sample: Sample,
        series: Series,
        admission: Admission,
        watching: Iterable[str],
        table: FaultTable,
        peers: Mapping[str, Rank],
    ) -> None:
        """Show a sample that was admitted to the detectors of the faults that watch its signal.

        `peers` are the ranks of the run.
        """
        _, _, signal, layer, time, step, _ = sample
        if time > self.last_seen:
            self.last_seen = time
        if step != self.step or not self.is_led:
            self._come_to(step, signal, time, table)
        if signal in _OF_THE_RANK:
            self._take_of_the_rank(sample, admission, table)
        if not layer:
            if step == self.step:
                self._record(sample)
            else:
                self.recorder.await_step(sample)
        if watching:
            self._show(sample, series, admission, table, peers, watching)
        if self.diagnosis.open and signal in JUDGED:
            self._surroundings.judge_anew(sample, _recorders(peers))

    def _take_of_the_rank(self, sample: Sample, admission: Admission, table: FaultTable) -> None:
        """Take in a sample of what the rank itself keeps."""
        if sample.signal == _CHECKSUM and admission is Admission.SCORED:
            self._keep_checksum(sample)
        elif sample.signal == _GRAD_CHANGE and not sample.layer:
            self._follow_vectors(sample, table)

    def _keep_checksum(self, sample: Sample) -> None:
        if sample.step is not None:
            self.checksums.setdefault(sample.layer, ReplicaChecksum()).observe(sample.step, sample.time, sample.value)

    def _follow_vectors(self, sample: Sample, table: FaultTable) -> None:
        limit = table.faults[faults.GRADIENT_EXPLOSION.name].thresholds["change"].value
        self.vectors = self.vectors or VectorForecast(ExplosionProbability(limit))
        self.vectors.observe(sample.value, sample.step, limit)

    def _show(
        self,
        sample: Sample,
        series: Series,
        admission: Admission,
        table: FaultTable,
        peers: Mapping[str, Rank],
        watching: Iterable[str],
    ) -> None:
        _, _, signal, layer, time, step, _ = sample
        detectors, diagnosis = self.detectors, self.diagnosis
        for name in watching:
            verdict = detectors[name].observe(sample, series, admission)
            if verdict is None or (verdict is OK and diagnosis.stays_calm(name, signal, layer)):
                continue
            fault = table.enabled(name)
            if fault is None:
                continue
            opened = diagnosis.observe(fault, verdict, signal, time, step, layer=layer)
            if opened is not None:
                self._surroundings.announce(opened, _recorders(peers))

    def lose_source(self) -> None:
        """Nobody reads its source any more: whether it runs cannot be known."""
        if self.status is RunStatus.RUNNING:
            self.status = RunStatus.UNKNOWN
            self.diagnosis.forget_states()

    def go_back(self, signal: str, time: float) -> None:
        """The steps of a signal went back far: what comes is another segment."""
        if signal in _LEADING or not self.is_led:
            self._lead(signal)
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
        is_evidence = self.events.observe(event)
        self._take_in(event, table)
        for name in WATCHED_EVENTS.get(event.kind, ()) if event.seen_live else ():
            verdict = self.detectors[name].observe_event(event)
            if verdict is not None:
                self._observe_event(table.faults[name], verdict, event.time, table)
        if is_evidence:
            self._surroundings.judge_late(event, self.step)
        if event.kind in _SEGMENTS:
            for one in series:
                one.start_segment()

    def _take_in(self, event: Event, table: FaultTable) -> None:
        if event.kind is EventKind.RUN_STARTED:
            self._start(event, table)
        elif event.kind in _ENDS:
            self._end(event, table)
        elif event.kind is EventKind.RUN_UNKNOWN:
            self._lose(event)
        elif event.kind is EventKind.RUN_HEARD_AGAIN:
            self._hear(event, table)
        elif event.kind in _PAUSES:
            self.hang.pause(event.time)
        elif event.kind is EventKind.MARK:
            self._take_mark(event)
        elif event.kind is EventKind.DUPLICATE_WRITER:
            self._observe_event(faults.DUPLICATE_WRITER, verdict_on_duplicate(event), event.time, table)

    def _take_mark(self, event: Event) -> None:
        kind = event.fields.get("kind")
        if kind == "action":
            self.diagnosis.note_action(event)
        elif kind == "unwatched":  # the hooks that told the steps have turned themselves off
            self.hang.forget()

    def take_changes(self) -> list[IncidentChange]:
        """Return what happened to findings since the last call, with the samples around the onset where they are due.

        To be called after each sample, event and advance: the samples are those of now.
        """
        changes, self.diagnosis.changes = self.diagnosis.changes, []
        return list(map(self.recorder.with_onset, changes))

    def set_bars(self, bars: dict[str, dict[str, Bar]], table: FaultTable) -> None:
        """Take over the bars that false alarms have raised on this run, by fault and signal."""
        self.diagnosis.bars = bars
        self.diagnosis.reconfigure(table)

    def silent_since(self, now: float, seconds: float) -> bool:
        """Return whether nothing has come for so long; a rank whose end will be reported never is silent so."""
        is_reported = (self.has_writer or self.ended_time is not None) and self.status is not RunStatus.UNKNOWN
        return not is_reported and now - self.last_seen >= seconds

    def close_silent(self, seconds: float) -> None:
        """Close what is open: nothing has come for so long that the run has most likely ended."""
        self.diagnosis.close_all(self.last_seen + seconds, self.step, rank_diagnosis.SILENT)

    def view(self, table: FaultTable, now: float, hold_seconds: float) -> RankView:
        """Return the rank as the page shows it at `now`; findings stay active for `hold_seconds` at least.

        What another finding explains is not active.
        """
        findings = tuple(self.diagnosis.findings())
        active = tuple(one for one in findings if _is_active(one, now, hold_seconds))
        states = self.diagnosis.states(table)
        return RankView(
            run=self.run,
            rank=self.rank,
            status=self.status,
            info=dict(self.info),
            step=self.step,
            last_step_time=self.last_step_time,
            explosion_probability=self.explosion_probability,
            explosion_hazard=self.explosion_hazard,
            explosion_skipped=self._skipped_changes(),
            fault_active={**dict.fromkeys(self.diagnosis.opened, 0), **dict.fromkeys(map(_labels, active), 1)},
            fault_states={state: sum(one is state for one in states.values()) for state in State},
            incidents=dict(self.diagnosis.incidents),
            active=active,
            findings=findings,
            states=states,
            start_time=self.start_time,
            checksums={layer: (one.step, one.value) for layer, one in self.checksums.items() if one.step is not None},
        )

    def _come_to(self, step: int | None, signal: str, time: float, table: FaultTable) -> None:
        """Take another step for the rank's, if the signal's are."""
        if step is not None and (signal in _LEADING or not self.is_led):
            self._lead(signal)
            self._advance_step(step, time, table)

    def _lead(self, signal: str) -> None:
        """Take the signal's steps for the rank's: others may count tokens or epochs, once a leading one is known."""
        if not self.is_led and signal in _LEADING:
            self.is_led, self.step = True, None

    def _start(self, event: Event, table: FaultTable) -> None:
        self.diagnosis.close_all(event.time, self.step, rank_diagnosis.RESTARTED)
        # Whoever reads the starts of a run compares what is before and after them.
        kept = {name: self.detectors[name] for name in WATCHED_EVENTS.get(EventKind.RUN_STARTED, ())}
        self.detectors = make_detectors(table) | kept
        self.hang.start(event.time)
        self.status, self.has_writer, self.ended_time = RunStatus.RUNNING, True, None
        self.start_time, self.checksums, self.vectors = event.time, {}, None
        self.info = dict(event.fields)
        self.events.clear()
        self.step = self.last_step_time = None
        for fault in (faults.RUN_CRASHED, faults.DUPLICATE_WRITER):
            self._observe_event(fault, OK, event.time, table)

    def _hear(self, event: Event, table: FaultTable) -> None:
        """It lives. Of one whose start nobody saw, what came before is of the past: its pace is learned from here."""
        if not self.has_writer and self.status is not RunStatus.RUNNING:
            self.hang.start(event.time)
            self.ended_time = None
            self._observe_event(faults.RUN_CRASHED, OK, event.time, table)
        self.status = RunStatus.RUNNING

    def _lose(self, event: Event) -> None:
        """Whether it lives is not known any more; of one that nobody saw start it is known that it is over."""
        self.status = RunStatus.UNKNOWN
        if not self.has_writer:
            self.diagnosis.close_all(event.time, self.step, rank_diagnosis.RUN_ENDED)

    def _end(self, event: Event, table: FaultTable) -> None:
        self.status, self.ended_time = _ENDS[event.kind], event.time
        self.diagnosis.close_all(event.time, self.step, rank_diagnosis.RUN_ENDED)
        verdict = verdict_on_end(event)
        if verdict is not None:
            # The event is dated to when the process was found dead; another sidecar would find it at another time.
            self._observe_event(faults.RUN_CRASHED, verdict, event.time, table, self.last_step_time)

    def _observe_event(
        self, fault: Fault, verdict: Verdict, time: float, table: FaultTable, anchor: float | None = None
    ) -> None:
        enabled = table.enabled(fault.name)
        opened = enabled and self.diagnosis.observe(enabled, verdict, "", time, self.step, anchor)
        if opened:
            self._surroundings.announce(opened)

    @property
    def _surroundings(self) -> Surroundings:
        return Surroundings(self.diagnosis, self.recorder, self.events)

    def _record(self, sample: Sample) -> None:
        """Keep a sample of the newest step; one without a step is kept where no writer has any."""
        if sample.step is None and self.has_writer:
            return
        self.recorder.observe(sample)
        if self.recorder.onsets:
            self.diagnosis.changes += self.recorder.completed(self.diagnosis.open.values(), sample)

    def _advance_step(self, step: int, time: float, table: FaultTable) -> None:
        if self.step is not None and step <= self.step:
            return
        if self.hang.verdict(time) is OK and self.diagnosis.stays_calm(_HANG, ""):
            self.hang.advance_step(step, time)
        else:
            self._judge_hang(time, table)  # whether it was overdue, before it came
            self.hang.advance_step(step, time)
            self._judge_hang(max(time, self.hang.since or time), table)
        self.step, self.last_step_time = step, time

    def _judge_hang(self, now: float, table: FaultTable) -> None:
        fault = table.enabled(_HANG)
        if fault is None:
            return
        verdict = self.hang.verdict(now)
        due = verdict.evidence.time if verdict.evidence else None
        opened = self.diagnosis.observe(fault, verdict, "", now if due is None else due, self.step)
        if opened is not None:
            self._surroundings.announce(opened)

    @property
    def explosion_probability(self) -> float | None:
        """P at horizon 1, in 0..1; None while unknown."""
        return self.next_step_forecast.probability if self.next_step_forecast else None

    @property
    def explosion_hazard(self) -> float | None:
        """P at horizon 50, in 0..1; None while unknown."""
        detector = self.detectors[faults.GRADIENT_EXPLOSION_LIKELY.name]
        return detector.hazard.probability if isinstance(detector, GradientExplosionLikely) else None

    @property
    def next_step_forecast(self) -> ExplosionProbability | None:
        """What the probability at horizon 1 rests on: changes of the gradient where they are told, else of its norm."""
        if self.vectors and self.vectors.is_fresh(self.step):
            return self.vectors.forecast
        return self._norm_forecast

    @property
    def _norm_forecast(self) -> ExplosionProbability | None:
        detector = self.detectors[faults.GRADIENT_EXPLOSION.name]
        return detector.forecast if isinstance(detector, GradientExplosion) else None

    def _skipped_changes(self) -> dict[str, int]:
        forecasts = (self._norm_forecast, self.vectors and self.vectors.forecast)
        return dict(sum((Counter(one.skipped) for one in forecasts if one), Counter()))


def _recorders(ranks: Mapping[str, Rank]) -> list[FlightRecorder]:
    return [rank.recorder for rank in islice(ranks.values(), MAX_PEERS)]


def _is_active(finding: Finding, now: float, hold_seconds: float) -> bool:
    return not finding.explained and (finding.is_open or now - finding.opened_time < hold_seconds)


def _labels(finding: Finding) -> tuple[str, str, str]:
    return finding.fault, finding.category, finding.severity

"""Samples and events in, findings and snapshots out: the one path for live, replayed and restored data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from runvitals.diagnosis.decisions import Closing, Decisions, FalseAlarmSettings
from runvitals.diagnosis.rank_diagnosis import GOES_ON
from runvitals.diagnosis.run_diagnosis import RunDiagnosis
from runvitals.diagnosis.settings import FaultTable
from runvitals.pipeline.rank import Rank
from runvitals.pipeline.watching import watching_faults
from runvitals.series import NONFINITE, SCORED, Series, SeriesSettings, SeriesStore
from runvitals.settings import Settings
from runvitals.values import (
    Action,
    ChangeKind,
    Decision,
    Event,
    EventKind,
    Finding,
    IncidentChange,
    Sample,
    SeriesView,
    Snapshot,
    SourceView,
)

MAX_PAST_FINDINGS = 256

_OF_LIFE = frozenset(
    {
        *(EventKind.RUN_HEARD_AGAIN, EventKind.RUN_UNKNOWN),
        *(EventKind.RUN_FINISHED, EventKind.RUN_RAISED, EventKind.RUN_CRASHED),
    }
)


class RankSettings(Settings, frozen=True):
    """How many ranks are watched, and how long they and their findings stay on the page.

    After its run ended: `ended_seconds`. A rank whose end nobody reports (StatsD), once it is silent: `silent_seconds`.
    A finding is shown as active for at least `hold_seconds`, so that no scraper misses a short one: at least two scrape
    intervals.
    """

    max_ranks: int = 1_000
    max_ranks_per_source: int = 500
    ended_seconds: float = 600.0
    silent_seconds: float = 3_600.0
    hold_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if min(self.max_ranks, self.max_ranks_per_source) < 1 or not (
            self.ended_seconds > 0.0 and self.silent_seconds > 0.0
        ):
            raise ValueError("the limits on ranks must be at least 1, ended_seconds and silent_seconds above 0")
        if not 0.0 <= self.hold_seconds <= self.ended_seconds:
            raise ValueError(f"hold_seconds must be from 0 to ended_seconds, not {self.hold_seconds}")


class PipelineState(msgspec.Struct):
    """What the pipeline knows, as it is saved."""

    ranks: list[Rank]
    series: list[Series]
    past_findings: list[Finding]
    dropped: dict[str, int]
    decisions: Decisions = msgspec.field(default_factory=Decisions)


class Pipeline:
    """Holds every series and rank; takes samples and events in order; time comes in as an argument.

    Findings do not depend on how the items are cut into calls of `observe`, nor on when `advance` is called in between.
    Each change of a finding is handed to `report` at once, which must neither wait nor raise.
    """

    def __init__(
        self,
        series: SeriesSettings,
        ranks: RankSettings,
        table: FaultTable,
        report: Callable[[IncidentChange], None] = lambda _: None,
        false_alarms: FalseAlarmSettings = FalseAlarmSettings(),  # noqa: B008  # frozen
    ) -> None:
        self._settings = ranks
        self._report = report
        self._false_alarms = false_alarms
        self._decisions = Decisions()
        self._table = table
        self._store = SeriesStore(series)
        self._ranks: dict[tuple[str, str], Rank] = {}
        self._of_run: dict[str, dict[str, Rank]] = {}
        self._run_diagnoses: dict[str, RunDiagnosis] = {}
        self._admitted: Counter[str] = Counter()
        self._past: list[Finding] = []
        self._dropped: Counter[str] = Counter()

    def reconfigure(
        self,
        series: SeriesSettings,
        ranks: RankSettings,
        table: FaultTable,
        false_alarms: FalseAlarmSettings = FalseAlarmSettings(),  # noqa: B008  # frozen
    ) -> None:
        """Take over other settings; what was seen is kept."""
        self._settings = ranks
        self._false_alarms = false_alarms
        self._table = table
        self._store.reconfigure(series)
        for rank in self._ranks.values():
            rank.reconfigure(table)
            self._hand_over(rank)

    def observe(self, items: Iterable[Sample | Event | Decision], source: str) -> None:
        """Take in what a source brought, in the order in which it happened."""
        for item in items:
            if isinstance(item, Sample):
                self._observe_sample(item, source)
            elif isinstance(item, Event):
                self._observe_event(item, source)
            else:
                self._decide(item)

    def advance(self, now: float, seen_until: Mapping[str, float] | None = None) -> None:
        """Let time pass up to `now` (Unix seconds), for each source no further than it has been read (`seen_until`).

        A source that is down or slow makes nobody look stalled. A rank whose source is not in `seen_until` is read by
        nobody any more.
        """
        for rank in list(self._ranks.values()):
            if seen_until is not None and rank.source not in seen_until:
                rank.lose_source()
            rank.advance(min(now, (seen_until or {}).get(rank.source, now)), self._table)
            self._hand_over(rank)
            self._retire(rank, now)

    def follow_clock(self, jump: float, now: float) -> None:
        """The wall clock was set by `jump` seconds and says `now`: that alone makes nobody stalled."""
        for rank in self._ranks.values():
            rank.hang.follow_clock(jump, now)

    def series_of(self, sample: Sample) -> Series | None:
        """Return the series of a sample that has been observed."""
        return self._store.find(sample)

    def rank_of(self, sample: Sample) -> Rank | None:
        """Return the rank of a sample that has been observed."""
        return self._ranks.get((sample.run, sample.rank))

    def findings(self) -> Iterator[Finding]:
        """Yield all findings that are remembered, those of ranks that have left the page included."""
        yield from self._past
        for rank in self._ranks.values():
            yield from rank.diagnosis.findings()

    def series_views(self, now: float, recent: int = 0) -> tuple[SeriesView, ...]:
        """Return every series as the page shows it at `now`, with so many of its newest values."""
        return tuple([series.view(now, recent) for series in self._store])

    def snapshot(
        self,
        now: float,
        sources: tuple[SourceView, ...],
        *,
        ready: bool,
        series: tuple[SeriesView, ...] | None = None,
    ) -> Snapshot:
        """Return everything as the page shows it at `now`; the series as they were viewed before, if they are given."""
        return Snapshot(
            time=now,
            ready=ready,
            series=self.series_views(now) if series is None else series,
            ranks=tuple(rank.view(self._table, now, self._settings.hold_seconds) for rank in self._ranks.values()),
            sources=sources,
            past_findings=tuple(self._past),
            false_alarms=tuple(self._decisions.false_alarms.values()),
            dropped=self._all_dropped(),
            warm_up=self._store.settings.minimum,
            disabled=self._table.disabled,
        )

    def state(self) -> PipelineState:
        """Return everything that a restart must not lose."""
        dropped = dict(self._dropped + self._store.dropped)
        return PipelineState(list(self._ranks.values()), list(self._store), self._past, dropped, self._decisions)

    def restore(self, state: PipelineState) -> None:
        """Go on from a saved state, under the settings of now."""
        self._dropped.update(state.dropped)
        self._past = state.past_findings
        self._decisions = state.decisions
        self._store.restore(state.series)
        for rank in state.ranks:
            rank.reconfigure(self._table)
            rank.set_bars(self._decisions.bars(rank.run), self._table)
            self._add(rank)

    def _all_dropped(self) -> dict[str, int]:
        false_alarms = Counter(false_alarm=self._decisions.dropped)
        return dict(self._dropped + self._store.dropped + false_alarms)

    def _observe_sample(self, sample: Sample, source: str) -> None:
        rank = self._ranks.get(sample[:2])  # run and rank
        if rank is None or rank.ended_time is not None or sample[4] - rank.last_seen >= self._settings.silent_seconds:
            rank = self._rank_at(sample, source)
        series = self._store.get(sample, source) if rank else None
        if rank is None or series is None:
            return
        segment, watching = series.segment, watching_faults(sample)
        admission = series.admit(sample, self._store.settings, may_wait=not watching)
        if series.segment != segment:
            rank.go_back(sample.signal, sample.time)
        if admission is SCORED or admission is NONFINITE:
            rank.observe(sample, series, admission, watching, self._table, self._of_run[sample[0]])
        if rank.diagnosis.changes:
            self._hand_over(rank)

    def _observe_event(self, event: Event, source: str) -> None:
        rank = self._rank_at(event, source)
        if rank is None:
            return
        if source == rank.source:  # what fell due before it, whether anyone looked in between or not
            rank.advance(event.time, self._table)
            self._hand_over(rank)
        if event.kind is EventKind.RUN_STARTED or (event.kind in _OF_LIFE and not rank.has_writer):
            rank.source = source
        elif event.kind in _OF_LIFE and rank.source != source:
            return  # who saw it start knows better
        rank.handle(event, self._store.of_rank(event.run, event.rank), self._table)
        self._hand_over(rank)

    def _decide(self, decision: Decision) -> None:
        """Take in what an operator decided: close the finding if it is open, and keep or take back its bars."""
        finding = decision.finding
        closing = self._decisions.closing(decision)
        if closing:
            for one in self._explained_by(self._newest(finding)) if decision.action is Action.RESOLVE else ():
                self._close(one, self._decisions.follow(one, closing))
            self._close(finding, closing)
        self._decisions.move_bars(decision.action, self._newest(finding), self._false_alarms.factor)
        for peer in self._of_run.get(finding.run, {}).values():
            peer.set_bars(self._decisions.bars(peer.run), self._table)

    def _newest(self, finding: Finding) -> Finding:
        """Return the finding as it is now, where it is remembered; else as it is given."""
        rank = self._ranks.get((finding.run, finding.rank))
        known = rank.diagnosis.find(finding.id) if rank else None
        return known or finding

    def _explained_by(self, finding: Finding) -> list[Finding]:
        """Return what the finding speaks for: it was part of what the operator saw."""
        ranks = self._of_run.get(finding.run, {}).values()
        found = [one for rank in ranks for one in rank.diagnosis.open.values()]
        return [one for one in found if one.explained and (one.cause == finding.id or _is_beside(finding, one))]

    def _close(self, finding: Finding, closing: Closing) -> None:
        rank = self._ranks.get((finding.run, finding.rank))
        if rank and rank.diagnosis.close(finding.id, closing.time, rank.step, closing.reason):
            self._hand_over(rank)

    def _hand_over(self, rank: Rank) -> None:
        """Report what happened to findings; one that an operator has closed before stays closed."""
        changes = rank.take_changes()
        for change in changes:
            self._report(change)
            closing = self._decisions.closings.get(change.finding.id)
            if change.kind is ChangeKind.OPENED and closing:
                rank.diagnosis.close(change.finding.id, closing.time, rank.step, closing.reason)
        if rank.diagnosis.changes:
            self._hand_over(rank)
        moved = [one for one in changes if one.kind is not ChangeKind.CHANGED or one.sentence == GOES_ON]
        if moved:
            findings = [one for peer in self._of_run[rank.run].values() for one in peer.diagnosis.open.values()]
            for change in self._run_diagnoses[rank.run].follow(moved, findings):
                self._report(change)

    def _rank_at(self, item: Sample | Event, source: str) -> Rank | None:
        """Return the rank of an item, one that was over by its time made anew; None where there is no room for it."""
        place = item.run, item.rank
        known = self._ranks.get(place)
        if known is not None:
            if known.ended_time is None and item.time - known.last_seen < self._settings.silent_seconds:
                return known
            self._retire(known, item.time)
            known = self._ranks.get(place)
        if known is None:
            if self._is_full(source):
                self._dropped["rank"] += 1
                return None
            known = Rank.create(item.run, item.rank, source, self._table)
            known.set_bars(self._decisions.bars(item.run), self._table)
            self._add(known)
        return known

    def _is_full(self, source: str) -> bool:
        of_source = self._admitted[source] >= self._settings.max_ranks_per_source
        return of_source or len(self._ranks) >= self._settings.max_ranks

    def _add(self, rank: Rank) -> None:
        self._ranks[rank.run, rank.rank] = rank
        self._of_run.setdefault(rank.run, {})[rank.rank] = rank
        self._run_diagnoses.setdefault(rank.run, RunDiagnosis())
        self._admitted[rank.admitted_by] += 1

    def _retire(self, rank: Rank, now: float) -> None:
        """Take a rank off the page once it has ended, or has long been silent; a finding that is still open stays."""
        if rank.silent_since(now, self._settings.silent_seconds):
            self._remove(rank)
        elif rank.ended_time is not None and now - rank.ended_time >= self._settings.ended_seconds:
            self._store.remove(rank.run, rank.rank)
            if not rank.diagnosis.open:
                self._remove(rank)

    def _remove(self, rank: Rank) -> None:
        """Forget a rank but for its findings."""
        rank.close_silent(self._settings.silent_seconds)
        self._hand_over(rank)
        self._past += rank.diagnosis.findings()
        del self._past[:-MAX_PAST_FINDINGS]
        self._store.remove(rank.run, rank.rank)
        del self._ranks[rank.run, rank.rank]
        del self._of_run[rank.run][rank.rank]
        if not self._of_run[rank.run]:
            del self._of_run[rank.run], self._run_diagnoses[rank.run]
        self._admitted[rank.admitted_by] -= 1


def _is_beside(speaker: Finding, other: Finding) -> bool:
    """Return whether the one speaks for the other, both being more severe than the cause of both."""
    is_of_one_cause = bool(speaker.cause) and speaker.cause == other.cause and not speaker.explained
    return is_of_one_cause and speaker.severity == other.severity

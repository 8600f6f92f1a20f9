"""A snapshot as metric families: which values stand on the page, under which of the catalogue's metrics and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from runvitals.catalogue import metrics
from runvitals.catalogue.metrics import Metric
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.well_formed import well_formed
from runvitals.values import (
    AlertmanagerView,
    FastPathView,
    Finding,
    JournalView,
    RankView,
    RunStatus,
    Snapshot,
    SourceView,
    State,
)

LabelValues = tuple[str, ...]
_MAX_DIGITS = 10
T = TypeVar("T")


class Family(NamedTuple):
    """One metric with its samples by label values, which are in the order of `metric.labels`.

    An empty label value means that the sample does not carry the label.
    """

    metric: Metric
    samples: dict[LabelValues, float]


class Row(NamedTuple):
    """One sample; a value of None is an answer that is not known, and has no series."""

    metric: Metric
    labels: LabelValues
    value: float | None


class Build(NamedTuple):
    """Which software is running: the versions of runvitals and of Python."""

    version: str
    python: str


def snapshot_rows(snapshot: Snapshot, failures: LogOnce) -> Iterator[Row]:
    """Yield all that the snapshot says but for its series; a view that cannot be read is left out and logged once."""
    yield Row(metrics.SNAPSHOT_TIMESTAMP, (), snapshot.time)
    yield Row(metrics.STATE_SAVED_TIMESTAMP, (), snapshot.state_saved)
    yield from _each(snapshot.ranks, rank_rows, "a rank on the page", failures)
    yield from _each(snapshot.sources, source_rows, "a source on the page", failures)
    yield from _each(snapshot.dropped.items(), dropped_rows, "the count of dropped samples", failures)
    yield from _each(filter(None, [snapshot.journal]), journal_rows, "the journal on the page", failures)
    yield from _each(filter(None, [snapshot.fast_path]), fast_path_rows, "the fast path on the page", failures)


def _each(views: Iterable[T], rows: Callable[[T], list[Row]], part: str, failures: LogOnce) -> Iterator[Row]:
    for view in views:
        try:
            yield from checked(rows(view))
        except Exception as error:  # noqa: BLE001 - one bad view never blanks the page
            failures.failure(part, error)


def checked(rows: Iterable[Row]) -> list[Row]:
    """Return the known rows with values that are numbers and labels that are well-formed text; raises if one is not."""
    cleaned: dict[LabelValues, LabelValues] = {}  # the rows of a series all have the same
    checked_rows = []
    for metric, labels, value in rows:
        if value is not None:
            text = cleaned.get(labels)
            if text is None:
                text = cleaned[labels] = clean(labels)
            checked_rows.append(Row(metric, text, float(value)))
    return checked_rows


def clean(labels: LabelValues) -> LabelValues:
    """Return the label values as text that can be sent."""
    return tuple(map(well_formed, labels))


def rank_rows(view: RankView) -> list[Row]:
    """Return what one rank shows: its vitals, its faults and its open findings."""
    return [*_vitals(view), *_faults(view), *(row for finding in view.active for row in _finding(finding))]


def _vitals(view: RankView) -> list[Row]:
    rank = (view.run, view.rank)
    info = (view.status.value, *(view.info.get(name, "") for name in metrics.RUN_INFO.labels[3:]))
    return [
        Row(metrics.RUN_INFO, (*rank, *info), 1.0),
        Row(metrics.RUN_WORLD_SIZE, rank, _world_size(view)),
        Row(metrics.RUN_STEP, rank, view.step),
        Row(metrics.RUN_LAST_STEP_TIMESTAMP, rank, view.last_step_time),
        Row(metrics.RUN_START_TIMESTAMP, rank, view.start_time),
        *_checksums(view),
        Row(metrics.EXPLOSION_PROBABILITY, (*rank, "1"), view.explosion_probability),
        Row(metrics.EXPLOSION_PROBABILITY, (*rank, "50"), view.explosion_hazard),
        *(Row(metrics.EXPLOSION_SKIPPED, (*rank, reason), count) for reason, count in view.explosion_skipped.items()),
    ]


def _world_size(view: RankView) -> int | None:
    """Return the number of ranks of a run that goes on, as far as is known; where nobody told, it is not known."""
    size = view.info.get("world_size", "")
    is_over = view.status in {RunStatus.FINISHED, RunStatus.RAISED, RunStatus.CRASHED}
    return int(size) if size.isdecimal() and len(size) < _MAX_DIGITS and not is_over else None


def _checksums(view: RankView) -> Iterator[Row]:
    for layer, (step, value) in view.checksums.items():
        labels = (view.run, view.rank, layer)
        yield Row(metrics.REPLICA_CHECKSUM, labels, value)
        yield Row(metrics.REPLICA_CHECKSUM_STEP, labels, step)


def _faults(view: RankView) -> Iterator[Row]:
    rank = (view.run, view.rank)
    for fault, active in view.fault_active.items():
        yield Row(metrics.FAULT_ACTIVE, (*rank, *fault), active)
    for state in State:
        yield Row(metrics.FAULTS, (*rank, state.value), view.fault_states.get(state))
    for fault_and_category, count in view.incidents.items():
        yield Row(metrics.INCIDENTS, (*rank, *fault_and_category), count)


def _finding(finding: Finding) -> list[Row]:
    labels = (finding.run, finding.rank, finding.fault, finding.category, finding.severity)
    return [
        Row(metrics.FAULT_CONFIDENCE, labels, finding.confidence),
        Row(metrics.FAULT_OPENED_STEP, labels, finding.opened_step),
        Row(metrics.FAULT_OPENED_TIMESTAMP, labels, finding.opened_time),
    ]


def source_rows(view: SourceView) -> list[Row]:
    """Return the health of one source."""
    labels = (view.name, view.kind)
    return [
        Row(metrics.SOURCE_UP, labels, view.up),
        Row(metrics.SOURCE_POLL_DURATION, labels, view.poll_seconds),
        Row(metrics.SOURCE_LAST_SUCCESS_TIMESTAMP, labels, view.last_success),
        Row(metrics.SOURCE_SAMPLES, labels, view.samples),
        *(Row(metrics.SOURCE_REJECTED, (*labels, reason), count) for reason, count in view.rejected.items()),
        *(Row(metrics.SOURCE_SIGNAL_AVAILABLE, (*labels, name), there) for name, there in view.available.items()),
    ]


def dropped_rows(dropped: tuple[str, int]) -> list[Row]:
    """Return how many samples one limit has dropped."""
    limit, count = dropped
    return [Row(metrics.SERIES_DROPPED, (limit,), count)]


def journal_rows(view: JournalView) -> list[Row]:
    """Return how the journal of incidents is doing."""
    return [
        Row(metrics.JOURNAL_UP, (), not view.error),
        Row(metrics.JOURNAL_WRITTEN, (), view.written),
        Row(metrics.JOURNAL_PENDING, (), view.pending),
        *(Row(metrics.JOURNAL_DROPPED, (reason,), count) for reason, count in view.dropped.items()),
        Row(metrics.JOURNAL_FAILURES, (), view.failures),
        Row(metrics.JOURNAL_PRUNED, (), view.pruned),
        Row(metrics.JOURNAL_INCIDENTS, (), view.incidents),
        Row(metrics.JOURNAL_SIZE, (), view.size_bytes),
    ]


def fast_path_rows(view: FastPathView) -> list[Row]:
    """Return how the fast path is doing."""
    told = (row for one in view.alertmanagers for row in _alertmanager(one))
    return [*told, Row(metrics.ALERTMANAGER_DROPPED, (), view.dropped)]


def _alertmanager(view: AlertmanagerView) -> list[Row]:
    labels = (view.url,)
    has_posted = view.last_success is not None or view.failures
    return [
        Row(metrics.ALERTMANAGER_UP, labels, not view.error if has_posted else None),
        Row(metrics.ALERTMANAGER_SENT, labels, view.sent),
        Row(metrics.ALERTMANAGER_FAILURES, labels, view.failures),
        Row(metrics.ALERTMANAGER_REFUSED, labels, view.refused),
        Row(metrics.ALERTMANAGER_PENDING, labels, view.pending),
        Row(metrics.ALERTMANAGER_LAST_SUCCESS, labels, view.last_success),
    ]


def build_rows(build: Build) -> list[Row]:
    """Return which software is running."""
    return [Row(metrics.BUILD_INFO, (build.version, build.python), 1.0)]


def reload_rows(status: ReloadStatus) -> list[Row]:
    """Return how the last load of the config went."""
    return [
        Row(metrics.CONFIG_RELOAD_SUCCESSFUL, (), status.successful),
        Row(metrics.CONFIG_RELOAD_TIMESTAMP, (), status.last_success),
    ]


def gather(rows: Iterable[Row], ready: Iterable[Family] = ()) -> list[Family]:
    """Sort rows into families, in the catalogue's order and beside those that are ready; empty ones are left out.

    Of two rows with the same labels the first is kept, as Prometheus itself would.
    """
    families = {metric.name: Family(metric, {}) for metric in metrics.ALL}
    families.update((family.metric.name, family) for family in ready)
    for metric, labels, value in rows:
        if value is not None:
            families[metric.name].samples.setdefault(labels, value)
    return [family for family in families.values() if family.samples]

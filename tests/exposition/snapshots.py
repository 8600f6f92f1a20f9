"""Finished snapshots for the tests: values as the pipeline publishes them."""

from __future__ import annotations

from collections.abc import Sequence

from runvitals.exposition.backend import ReloadStatus
from runvitals.values import (
    AlertmanagerView,
    Evidence,
    FastPathView,
    Finding,
    HistoryEntry,
    Incident,
    IncidentRecord,
    JournalView,
    OnsetSample,
    RankView,
    RunStatus,
    SeriesView,
    Snapshot,
    SourceView,
    State,
)

NOW = 1_700_000_000.0
EXPLOSION = ("gradient_explosion", "parameters", "critical")
SPIKE = ("loss_spike", "parameters", "warning")


def series(run: str = "llama", rank: str = "0", signal: str = "loss", layer: str = "", **changes: object) -> SeriesView:
    """A series that is warm."""
    values = {
        "value": 2.5,
        "time": NOW - 1,
        "window_samples": 256,
        "samples": 1000,
        "nonfinite": 2,
        "late": 3,
        "mean": 2.25,
        "stddev": 0.125,
        "zscore": 2.0,
        "robust_zscore": 1.75,
        "zscore_peak": 4.5,
        "anomaly_score": 1.25,
        "anomaly_score_peak": 3.5,
    }
    return SeriesView(run, rank, signal, layer, **(values | changes))


def finding(**changes: object) -> Finding:
    """An open gradient explosion."""
    values = {
        "id": "llama-0-gradient_explosion-1",
        "fault": EXPLOSION[0],
        "category": EXPLOSION[1],
        "severity": EXPLOSION[2],
        "run": "llama",
        "rank": "0",
        "opened_time": NOW - 60,
        "opened_step": 940,
        "confidence": 0.75,
        "evidence": [
            Evidence("grad_norm is 40 times the median.", "grad_norm", "", 80.0, 0.5, 6.0, 940, NOW - 60),
            Evidence("The loss is infinite.", "loss", "", float("inf"), None, None, 941, NOW - 59),
        ],
        "first_action": "Clip the gradient & lower the learning rate.",
    }
    return Finding(**(values | changes))


def closed_finding(**changes: object) -> Finding:
    """A loss spike that has passed."""
    values = {
        "id": "llama-0-loss_spike-1",
        "fault": SPIKE[0],
        "category": SPIKE[1],
        "severity": SPIKE[2],
        "opened_time": NOW - 600,
        "opened_step": None,
        "closed_time": NOW - 500,
        "closed_step": 500,
        "closed_reason": "recovered",
        "evidence": [],
    }
    return finding(**(values | changes))


def incident_record(finding: Finding, **changes: object) -> IncidentRecord:
    """What the journal keeps: the finding, two lines of history, and forty steps of three signals."""
    values = {
        "history": (
            HistoryEntry("opened", NOW - 60, 940, "grad_norm is 40 times the median."),
            HistoryEntry("note", NOW - 10, None, "asked the data team"),
        ),
        "onset": tuple(
            OnsetSample(NOW - 100 + step, 900 + step, signal, 1.0 + step % 7)
            for step in range(40)
            for signal in ("learning_rate", "loss", "grad_norm")
        ),
    }
    return IncidentRecord(Incident(finding, "fdf61683af48", is_false_alarm=False), **(values | changes))


def rank_view(run: str = "llama", rank: str = "0", **changes: object) -> RankView:
    """A rank with one open finding and one that has closed."""
    values = {
        "status": RunStatus.RUNNING,
        "info": {"world_size": "8", "host": "node-1", "pid": "4711"},
        "step": 1000,
        "last_step_time": NOW - 1,
        "explosion_probability": 0.25,
        "explosion_hazard": 0.125,
        "explosion_skipped": {"segment_start": 1},
        "fault_active": {EXPLOSION: 1, SPIKE: 0},
        "fault_states": {State.OK: 3, State.FIRING: 1, State.UNKNOWN: 2},
        "incidents": {EXPLOSION[:2]: 1, SPIKE[:2]: 2},
        "active": (finding(run=run, rank=rank),),
        "findings": (closed_finding(run=run, rank=rank), finding(run=run, rank=rank)),
        "start_time": NOW - 2000,
        "checksums": {"": (960, 12345.5)},
    }
    return RankView(run, rank, **(values | changes))


def source_view(**changes: object) -> SourceView:
    """A source that answers."""
    values = {
        "name": "rings",
        "kind": "ring",
        "up": True,
        "error": "",
        "poll_seconds": 0.0625,
        "last_success": NOW - 0.5,
        "samples": 5000,
        "rejected": {"torn": 1},
        "available": {"queue_seconds": True, "error_ratio": False},
    }
    return SourceView(**(values | changes))


def fast_path_view() -> FastPathView:
    """A fast path to an Alertmanager that answers, after some trouble."""
    alertmanager = AlertmanagerView(
        url="http://localhost:9093", sent=12, failures=3, refused=1, pending=2, last_success=NOW
    )
    return FastPathView((alertmanager,), dropped=4)


def journal_view(**changes: object) -> JournalView:
    """A journal that is written, and has had a bad hour."""
    values = {
        "written": 40,
        "pending": 0,
        "dropped": {"queue_full": 3},
        "failures": 2,
        "pruned": 1,
        "incidents": 12,
        "size_bytes": 98_304,
    }
    return JournalView(**(values | changes))


def snapshot(**changes: object) -> Snapshot:
    """A snapshot in which every metric of the catalogue has a value."""
    values = {
        "time": NOW,
        "ready": True,
        "series": (series(), series(signal="grad_norm"), series(signal="weight_norm", layer="decoder.0")),
        "ranks": (rank_view(), rank_view(rank="1", active=(), findings=(), fault_active={})),
        "sources": (source_view(), source_view(name="statsd", kind="statsd", up=False, error="port in use")),
        "dropped": {"series_per_run": 7},
        "state_saved": NOW - 30,
        "journal": journal_view(),
        "fast_path": fast_path_view(),
    }
    return Snapshot(**(values | changes))


class FixedBackend:
    """An application that shows one snapshot and reloads as it is told: a text is a refusal, an exception is raised."""

    def __init__(self, shown: Snapshot | None = None, outcome: str | Exception | None = None) -> None:
        self.shown = shown
        self.outcome = outcome
        self.reloads = self.looks = 0
        self.journal: Sequence[IncidentRecord] | Exception | None = None
        self.status = ReloadStatus(True, NOW - 3600)

    def snapshot(self) -> Snapshot | None:
        return self.shown

    def look(self) -> None:
        self.looks += 1

    def incidents(self, limit: int) -> Sequence[Incident] | None:
        if isinstance(self.journal, Exception):
            raise self.journal
        return None if self.journal is None else [record.incident for record in self.journal[:limit]]

    def incident(self, identity: str) -> IncidentRecord | None:
        if isinstance(self.journal, Exception):
            raise self.journal
        return next((one for one in self.journal or () if one.incident.finding.id == identity), None)

    def config_text(self) -> str:
        return "web:\n  listen_address: ':9877'\n"

    def reload(self) -> str | None:
        self.reloads += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def reload_status(self) -> ReloadStatus:
        return self.status

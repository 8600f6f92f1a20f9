"""The /metrics page against the snapshot it was made from."""

from __future__ import annotations

import gzip
import logging
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvitals.catalogue import metrics
from runvitals.exposition import metrics_page
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_text import negotiate
from runvitals.exposition.process_metrics import process_families
from runvitals.values import RunStatus, Snapshot, State
from tests.exposition.pages import ACCEPTS, OPENMETRICS, Samples, key, read_page
from tests.exposition.snapshots import (
    EXPLOSION,
    NOW,
    SPIKE,
    closed_finding,
    fast_path_view,
    finding,
    journal_view,
    rank_view,
    series,
    snapshot,
    source_view,
)

LOG = logging.getLogger("test")
RANK = {"run": "llama", "rank": "0"}
FAULT = {**RANK, "fault": EXPLOSION[0], "category": EXPLOSION[1], "severity": EXPLOSION[2]}


def page(shown: Snapshot | None, output: str = "text", status: ReloadStatus | None = None) -> str:
    return metrics_page.metrics_page(shown, status, negotiate(ACCEPTS[output]), False, LogOnce(LOG)).decode()


def samples(shown: Snapshot | None, output: str = "text", status: ReloadStatus | None = None) -> Samples:
    return read_page(page(shown, output, status), output)


def empty(**changes: object) -> Snapshot:
    return snapshot(
        **({"series": (), "ranks": (), "sources": (), "dropped": {}, "journal": None, "fast_path": None} | changes)
    )


def of_catalogue(found: Samples) -> Samples:
    own = {
        "runvitals_build_info",
        "runvitals_snapshot_timestamp_seconds",
        "runvitals_state_last_save_timestamp_seconds",
    }
    return {name: value for name, value in found.items() if not name[0].startswith("process_") and name[0] not in own}


@pytest.mark.parametrize("output", ACCEPTS)
def test_every_metric_of_the_catalogue_and_nothing_else_stands_on_a_full_page(output: str) -> None:
    """Each catalogue metric appears with its own labels, and every other name is the process collector's."""
    found = samples(snapshot(), output, ReloadStatus(True, NOW))
    assert {name for name, _ in found if not name.startswith("process_")} == {m.name for m in metrics.ALL}
    labels = {metric.name: set(metric.labels) for metric in metrics.ALL}
    for name, pairs in found:
        assert {label for label, _ in pairs} <= labels.get(name, set())


@pytest.mark.parametrize("output", ACCEPTS)
def test_families_carry_the_help_and_the_kind_of_the_catalogue(output: str) -> None:
    """HELP and TYPE of each metric are those of the catalogue, under the name each format gives the family."""
    lines = page(snapshot(), output, ReloadStatus(True, NOW)).splitlines()
    for metric in metrics.ALL:
        name = metric.name.removesuffix("_total") if output == "openmetrics" else metric.name
        assert f"# HELP {name} {metric.help}" in lines
        assert f"# TYPE {name} {metric.kind}" in lines


@pytest.mark.parametrize("output", ACCEPTS)
def test_a_series_shows_its_values(output: str) -> None:
    """Each field of a series view stands under its metric, and there is no other sample."""
    labels = {**RANK, "signal": "loss"}
    view = series(samples=1234, nonfinite=5, late=6, window_samples=200)
    assert of_catalogue(samples(empty(series=(view,)), output)) == {
        key("runvitals_signal_value", **labels): 2.5,
        key("runvitals_signal_mean", **labels): 2.25,
        key("runvitals_signal_stddev", **labels): 0.125,
        key("runvitals_signal_window_samples", **labels): 200,
        key("runvitals_signal_zscore", **labels): 2.0,
        key("runvitals_signal_robust_zscore", **labels): 1.75,
        key("runvitals_signal_zscore_peak", **labels): 4.5,
        key("runvitals_signal_anomaly_score", **labels): 1.25,
        key("runvitals_signal_anomaly_score_peak", **labels): 3.5,
        key("runvitals_signal_samples_total", **labels): 1234,
        key("runvitals_signal_nonfinite_total", **labels): 5,
        key("runvitals_signal_late_total", **labels): 6,
        key("runvitals_signal_last_sample_timestamp_seconds", **labels): NOW - 1,
    }


@pytest.mark.parametrize("output", ACCEPTS)
def test_a_rank_shows_its_vitals_faults_and_open_findings(output: str) -> None:
    """Each field of a rank view stands under its metric; what a closed finding had is gone, and there is no more."""
    state = {state: key("runvitals_faults", **RANK, state=state) for state in ("ok", "firing", "unknown")}
    spike = {**RANK, "fault": SPIKE[0], "category": SPIKE[1]}
    explosion = {**RANK, "fault": EXPLOSION[0], "category": EXPLOSION[1]}
    info = {"status": "running", "world_size": "8", "host": "node-1", "pid": "4711"}
    assert of_catalogue(samples(empty(ranks=(rank_view(),)), output)) == {
        key("runvitals_run_info", **RANK, **info): 1,
        key("runvitals_run_world_size", **RANK): 8,
        key("runvitals_run_step", **RANK): 1000,
        key("runvitals_run_last_step_timestamp_seconds", **RANK): NOW - 1,
        key("runvitals_run_start_timestamp_seconds", **RANK): NOW - 2000,
        key("runvitals_replica_checksum", **RANK): 12345.5,
        key("runvitals_replica_checksum_step", **RANK): 960,
        key("runvitals_explosion_probability", **RANK, horizon="1"): 0.25,
        key("runvitals_explosion_probability", **RANK, horizon="50"): 0.125,
        key("runvitals_explosion_skipped_changes_total", **RANK, reason="segment_start"): 1.0,
        key("runvitals_fault_active", **FAULT): 1,
        key("runvitals_fault_active", **spike, severity=SPIKE[2]): 0,
        state["ok"]: 3,
        state["firing"]: 1,
        state["unknown"]: 2,
        key("runvitals_incidents_total", **explosion): 1,
        key("runvitals_incidents_total", **spike): 2,
        key("runvitals_fault_confidence_ratio", **FAULT): 0.75,
        key("runvitals_fault_opened_step", **FAULT): 940,
        key("runvitals_fault_opened_timestamp_seconds", **FAULT): NOW - 60,
    }


@pytest.mark.parametrize("status", RunStatus)
@pytest.mark.parametrize("told", ["8", "", "all", "9" * 40])
def test_only_a_rank_that_goes_on_counts_its_run(status: RunStatus, told: str) -> None:
    """The size of a run is told by ranks that go on, where it is a number: those that have ended are not missing."""
    view = rank_view(status=status, info={"world_size": told})
    found = [value for (name, _), value in samples(empty(ranks=(view,))).items() if name == "runvitals_run_world_size"]
    goes_on = status in {RunStatus.RUNNING, RunStatus.UNKNOWN}
    assert found == ([8.0] if goes_on and told == "8" else [])


@pytest.mark.parametrize("output", ACCEPTS)
def test_a_source_and_what_was_dropped_show_their_values(output: str) -> None:
    """Each field of a source view and each limit that dropped something stands under its metric, and no more."""
    labels = {"source": "rings", "kind": "ring"}
    assert of_catalogue(samples(empty(sources=(source_view(),), dropped={"total": 9}), output)) == {
        key("runvitals_source_up", **labels): 1,
        key("runvitals_source_poll_duration_seconds", **labels): 0.0625,
        key("runvitals_source_last_success_timestamp_seconds", **labels): NOW - 0.5,
        key("runvitals_source_samples_total", **labels): 5000,
        key("runvitals_source_rejected_total", **labels, reason="torn"): 1,
        key("runvitals_source_signal_available", **labels, signal="queue_seconds"): 1,
        key("runvitals_source_signal_available", **labels, signal="error_ratio"): 0,
        key("runvitals_series_dropped_samples_total", limit="total"): 9,
    }


@pytest.mark.parametrize("output", ACCEPTS)
def test_the_fast_path_shows_how_it_is_doing(output: str) -> None:
    """Each field of an Alertmanager's view stands under its metric."""
    labels = {"alertmanager": "http://localhost:9093"}
    assert of_catalogue(samples(empty(fast_path=fast_path_view()), output)) == {
        key("runvitals_alertmanager_up", **labels): 1,
        key("runvitals_alertmanager_alerts_sent_total", **labels): 12,
        key("runvitals_alertmanager_post_failures_total", **labels): 3,
        key("runvitals_alertmanager_alerts_refused_total", **labels): 1,
        key("runvitals_alertmanager_pending_alerts", **labels): 2,
        key("runvitals_alertmanager_last_success_timestamp_seconds", **labels): NOW,
        key("runvitals_alertmanager_alerts_dropped_total"): 4,
    }


@pytest.mark.parametrize("output", ACCEPTS)
def test_the_journal_shows_how_it_is_doing(output: str) -> None:
    """Each field of the journal's view stands under its metric; an error is a journal that is down."""
    assert of_catalogue(samples(empty(journal=journal_view(error="the disk is full")), output)) == {
        key("runvitals_journal_up"): 0,
        key("runvitals_journal_changes_written_total"): 40,
        key("runvitals_journal_pending_changes"): 0,
        key("runvitals_journal_changes_dropped_total", reason="queue_full"): 3,
        key("runvitals_journal_write_failures_total"): 2,
        key("runvitals_journal_incidents_pruned_total"): 1,
        key("runvitals_journal_incidents"): 12,
        key("runvitals_journal_size_bytes"): 98_304,
    }


def test_what_is_not_known_has_no_series() -> None:
    """None is absent and never 0, for series, ranks, findings, sources and the state of the config."""
    view = series(
        **dict.fromkeys(
            ("mean", "stddev", "zscore", "robust_zscore", "zscore_peak", "anomaly_score", "anomaly_score_peak")
        )
    )
    rank = rank_view(
        step=None,
        last_step_time=None,
        explosion_probability=None,
        explosion_hazard=None,
        active=(finding(opened_step=None),),
        fault_states={},
    )
    source = source_view(poll_seconds=None, last_success=None)
    names = {name for name, _ in samples(empty(series=(view,), ranks=(rank,), sources=(source,)))}
    absent = {
        metrics.SIGNAL_MEAN,
        metrics.SIGNAL_STDDEV,
        metrics.SIGNAL_ZSCORE,
        metrics.SIGNAL_ROBUST_ZSCORE,
        metrics.SIGNAL_ZSCORE_PEAK,
        metrics.RUN_STEP,
        metrics.RUN_LAST_STEP_TIMESTAMP,
        metrics.EXPLOSION_PROBABILITY,
        metrics.FAULT_OPENED_STEP,
        metrics.FAULTS,
        metrics.SOURCE_POLL_DURATION,
        metrics.SOURCE_LAST_SUCCESS_TIMESTAMP,
        metrics.CONFIG_RELOAD_SUCCESSFUL,
        metrics.CONFIG_RELOAD_TIMESTAMP,
    }
    assert not names & {metric.name for metric in absent}
    assert {metrics.SIGNAL_VALUE.name, metrics.FAULT_CONFIDENCE.name, metrics.SOURCE_UP.name} <= names


def test_a_fault_that_has_never_been_open_has_no_series() -> None:
    """A rank without a finding has no runvitals_fault_active and no confidence."""
    names = {name for name, _ in samples(empty(ranks=(rank_view(fault_active={}, active=(), findings=()),)))}
    assert not names & {metrics.FAULT_ACTIVE.name, metrics.FAULT_CONFIDENCE.name, metrics.FAULT_OPENED_TIMESTAMP.name}


def test_a_page_without_a_snapshot_speaks_of_the_sidecar_alone() -> None:
    """Before the first snapshot there are build, config and process, and nothing of any run."""
    names = {name for name, _ in samples(None, status=ReloadStatus(False, NOW))}
    assert {name for name in names if not name.startswith("process_")} == {
        metrics.BUILD_INFO.name,
        metrics.CONFIG_RELOAD_SUCCESSFUL.name,
        metrics.CONFIG_RELOAD_TIMESTAMP.name,
    }


def test_a_refused_config_shows_as_zero() -> None:
    """The reload metric is 0 after a refusal, and the time of the last success stays."""
    found = samples(None, status=ReloadStatus(False, NOW))
    assert found[key(metrics.CONFIG_RELOAD_SUCCESSFUL.name)] == 0
    assert found[key(metrics.CONFIG_RELOAD_TIMESTAMP.name)] == NOW


@pytest.mark.parametrize("output", ACCEPTS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-320, -0.0, 1.7976931348623157e308, 2.0**63])
def test_values_come_back_as_they_are(value: float, output: str) -> None:
    """NaN, infinities and extreme numbers survive both formats bit by bit."""
    found = samples(empty(series=(series(value=value),)), output)
    back = found[key(metrics.SIGNAL_VALUE.name, **RANK, signal="loss")]
    assert (
        math.isnan(back) if math.isnan(value) else (back == value and math.copysign(1, back) == math.copysign(1, value))
    )


def _expected(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


HOSTILE = st.text(
    st.characters(exclude_categories=()) | st.sampled_from('"\\\n\r\0{}=,# \ud800\udcff\x85\u2028'), max_size=50
)


@pytest.mark.parametrize("output", ACCEPTS)
@given(run=HOSTILE, rank=HOSTILE, signal=HOSTILE, layer=HOSTILE)
def test_label_values_come_back_as_they_were(output: str, run: str, rank: str, signal: str, layer: str) -> None:
    """Whatever names hold, the page parses and gives them back; only what UTF-8 cannot say becomes U+FFFD."""
    texts = {"run": run, "rank": rank, "signal": signal, "layer": layer}
    labels = {name: _expected(text) for name, text in texts.items() if text}
    found = samples(empty(series=(series(**texts),)), output)
    assert found[key(metrics.SIGNAL_VALUE.name, **labels)] == 2.5


@pytest.mark.parametrize("output", ACCEPTS)
def test_a_label_of_ten_kilobytes_comes_back(output: str) -> None:
    """The page cuts nothing: limits are the sources' affair."""
    name = '"\\\n\0é' * 2000
    found = samples(empty(ranks=(rank_view(run=name, findings=()),)), output)
    assert found[key(metrics.RUN_STEP.name, run=name, rank="0")] == 1000


def test_two_views_with_the_same_labels_give_one_sample() -> None:
    """Names that differ only in what UTF-8 cannot say never make the page invalid."""
    found = samples(empty(series=(series(run="a\ud800", value=1.0), series(run="a\udcff", value=2.0))))
    assert found[key(metrics.SIGNAL_VALUE.name, run="a\ufffd", rank="0", signal="loss")] == 1.0


BROKEN_VIEWS = {
    "series": (series(value="broken"), series(signal="good")),
    "ranks": (rank_view(info=None), rank_view(rank="1")),
    "sources": (source_view(rejected={"torn": "many"}), source_view(name="good")),
}


@pytest.mark.parametrize("part", BROKEN_VIEWS)
def test_a_broken_view_is_left_out_and_the_rest_stays(part: str, caplog: pytest.LogCaptureFixture) -> None:
    """One malformed view costs itself alone, and is logged once however often it is scraped."""
    failures = LogOnce(LOG)
    shown = snapshot(**{part: BROKEN_VIEWS[part]})
    for _ in range(3):
        text = metrics_page.metrics_page(shown, None, negotiate(""), False, failures).decode()
    whole = read_page(page(snapshot(**{part: BROKEN_VIEWS[part][1:]})), "text")
    assert of_catalogue(read_page(text, "text")) == of_catalogue(whole)
    assert len(caplog.records) == 1


def test_a_label_that_is_no_text_is_left_out_and_the_rest_stays() -> None:
    """A rank given as a number costs its own series alone."""
    found = samples(empty(series=(series(rank=0), series(rank="1"))))
    assert {dict(labels).get("rank") for name, labels in found if name == metrics.SIGNAL_VALUE.name} == {"1"}


def _odd_proc(tmp_path: Path) -> str:
    (tmp_path / "self/fd").mkdir(parents=True)
    (tmp_path / "stat").write_text("btime 1700000000\n")
    (tmp_path / "self/stat").write_bytes(Path("/proc/self/stat").read_bytes())
    (tmp_path / "self/limits").write_text("Limit Soft Limit Hard Limit Units\n")
    return str(tmp_path)


def test_an_odd_limits_file_costs_the_process_metrics_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the process collector fails on the real files it is given, everything else is on the page."""
    proc = _odd_proc(tmp_path)
    try:
        process_families(proc)
    except Exception:  # noqa: BLE001 - whatever it raises is what this test is about
        pass
    else:
        pytest.skip("this prometheus_client takes a limits file without the line on open files")
    monkeypatch.setattr(metrics_page, "process_families", lambda: process_families(proc))
    names = {name for name, _ in samples(snapshot(), status=ReloadStatus(True, NOW))}
    assert names == {metric.name for metric in metrics.ALL}
    assert len(caplog.records) == 1


def test_the_process_metrics_are_of_this_process() -> None:
    """process_* come with the names of every exporter and real numbers."""
    found = samples(None)
    assert found[key("process_resident_memory_bytes")] > 1e6
    assert found[key("process_cpu_seconds_total")] > 0
    assert found[key("process_open_fds")] >= 3


MULTIPROCESS = """
import logging, os, sys
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from tests.exposition.snapshots import snapshot
text = metrics_page(snapshot(), None, negotiate(sys.argv[1]), False, LogOnce(logging.getLogger())).decode()
sys.stdout.write("".join(line for line in text.splitlines(True) if "process_" not in line))
"""


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
@pytest.mark.parametrize("output", ACCEPTS)
def test_the_multiprocess_mode_of_a_neighbour_changes_nothing(variable: str, output: str, tmp_path: Path) -> None:
    """With either variable inherited from a model server, the page is the same and its folder is left alone."""
    folder = tmp_path / "neighbour"
    folder.mkdir()

    def run(extra: dict[str, str]) -> str:
        command = [sys.executable, "-W", "error", "-c", MULTIPROCESS, ACCEPTS[output]]
        root = Path(__file__).parents[2]
        return subprocess.run(
            command, env={**os.environ, **extra}, cwd=root, check=True, capture_output=True, text=True
        ).stdout

    with_variable = run({variable: str(folder)})
    assert with_variable == run({})
    assert metrics.SIGNAL_VALUE.name in with_variable
    assert not list(folder.iterdir())


def test_every_state_of_a_rank_is_told() -> None:
    """The status stands in the info metric under the word of the design."""
    ranks = tuple(rank_view(rank=status.value, status=status) for status in RunStatus)
    found = samples(empty(ranks=ranks))
    told = {dict(labels)["status"] for name, labels in found if name == metrics.RUN_INFO.name}
    assert told == {"running", "finished", "raised", "crashed", "unknown"}


def test_states_that_were_not_counted_are_absent() -> None:
    """A state missing from the counts has no series rather than 0."""
    found = samples(empty(ranks=(rank_view(fault_states={State.OK: 0}),)))
    assert [dict(labels)["state"] for name, labels in found if name == metrics.FAULTS.name] == ["ok"]


def test_gzip_holds_the_same_page() -> None:
    """The gzipped page unpacks to the plain one."""
    shown, plain = snapshot(), negotiate("")
    packed = metrics_page.metrics_page(shown, None, plain, True, LogOnce(LOG))
    assert of_catalogue(read_page(gzip.decompress(packed).decode(), "text")) == of_catalogue(samples(shown))


def test_openmetrics_ends_with_its_mark() -> None:
    """An OpenMetrics page ends with EOF, so that a cut one is seen."""
    assert page(snapshot(), "openmetrics").endswith("\n# EOF\n")
    assert negotiate(OPENMETRICS).content_type.startswith("application/openmetrics-text; version=1.0.0")


def test_only_active_findings_have_a_confidence() -> None:
    """A finding that is no longer active leaves confidence, step and time of opening."""
    names = {name for name, _ in samples(empty(ranks=(rank_view(active=(), findings=(closed_finding(),)),)))}
    assert not names & {metrics.FAULT_CONFIDENCE.name, metrics.FAULT_OPENED_STEP.name}

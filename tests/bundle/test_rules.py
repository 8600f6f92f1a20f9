"""Rules, built and written by hand, checked against the catalogue in both directions."""

from __future__ import annotations

import re

import pytest

from prometheus.build.rules import dashboard_link
from prometheus.build.written import written
from runvitals import __version__
from runvitals.catalogue import faults, metrics, signals
from runvitals.catalogue.alerts import GRAFANA, alert_name
from tests.bundle.shipped import (
    ALERTS,
    DASHBOARDS,
    PROMETHEUS,
    RECORDINGS,
    RULE_FILES,
    RULE_TESTS,
    load,
    metric_names,
    recorded_names,
    run_program,
)

RANK_FAULTS = [fault for fault in faults.ALL if fault.scope == "rank"]
FAULT_ALERTS = {alert_name(fault.name): fault for fault in RANK_FAULTS}
PIPELINE_ALERTS = ALERTS.keys() - FAULT_ALERTS.keys()
METRICS = {metric.name: metric for metric in metrics.ALL}
SIGNALS = {signal.name for signal in signals.ALL}


def test_what_is_built_is_what_is_shipped() -> None:
    """The rules of the faults and their tests are those of today's catalogue; none is left over."""
    files = written()
    stale = [path.name for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    assert not stale, "run `python -m prometheus.build`"
    assert set((PROMETHEUS / "tests" / "faults").glob("*.yml")) <= files.keys()
    assert set((PROMETHEUS / "rules").glob("*.yml")) == set(RULE_FILES)


def by_name(fault: faults.Fault) -> str:
    return fault.name


@pytest.mark.parametrize("fault", RANK_FAULTS, ids=by_name)
def test_every_fault_has_its_alert(fault: faults.Fault) -> None:
    """A fault's alert asks whether a finding was open when last heard of, with the labels of the metric."""
    rule = ALERTS[alert_name(fault.name)]
    heard = f'last_over_time({metrics.FAULT_ACTIVE.name}{{fault="{fault.name}"}}[5m])'
    expected = f"max by ({', '.join(metrics.FAULT)}) ({heard}) == 1"
    assert rule["expr"] == expected
    assert "severity" not in rule.get("labels", {}), "the severity comes from the metric"


def test_every_alert_on_a_fault_has_its_fault() -> None:
    """No alert asks for a fault that the catalogue does not have."""
    for name, rule in ALERTS.items():
        for fault in re.findall(r'fault="(\w+)"', rule["expr"]):
            assert alert_name(fault) == name


@pytest.mark.parametrize("fault", RANK_FAULTS, ids=by_name)
def test_a_fault_is_told_in_the_words_of_the_catalogue(fault: faults.Fault) -> None:
    """Summary and first action of an alert are the catalogue's sentences, and the description ends in the action."""
    annotations = ALERTS[alert_name(fault.name)]["annotations"]
    assert annotations["summary"] == fault.summary
    assert annotations["action"] == fault.first_action
    assert annotations["description"].endswith(f"First: {fault.first_action}")


@pytest.mark.parametrize("fault", RANK_FAULTS, ids=by_name)
def test_an_alert_shows_the_signals_that_its_fault_is_found_in(fault: faults.Fault) -> None:
    """The evidence of an alert is taken from the signals that the fault's detector reads."""
    assert set(fault.signals) <= set(re.findall(r"\w+", ALERTS[alert_name(fault.name)]["annotations"]["description"]))


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_says_what_a_reader_needs(name: str) -> None:
    """Every alert has a title, a description, a first action, a dashboard, and a runbook under its own name."""
    annotations = ALERTS[name]["annotations"]
    assert re.fullmatch(r"[A-Z][^{}\n]*\.", annotations["summary"]), "a static sentence with a period"
    assert annotations["description"].endswith(f"First: {annotations['action']}")
    assert annotations["runbook_url"].endswith(f"/prometheus/runbooks.md#{name}")
    assert annotations["dashboard_url"].startswith(f"{GRAFANA}/d/runvitals-")


@pytest.mark.parametrize("fault", faults.ALL, ids=by_name)
def test_an_alert_leads_to_the_dashboard_of_its_fault(fault: faults.Fault) -> None:
    """Every fault, of a rank or of the cluster, is shown on the dashboard of its kind."""
    assert ALERTS[alert_name(fault.name)]["annotations"]["dashboard_url"] == dashboard_link(fault)


@pytest.mark.skipif(not DASHBOARDS, reason="no dashboards in grafana/dashboards")
@pytest.mark.parametrize("name", sorted(ALERTS))
def test_a_link_leads_to_a_dashboard_that_exists(name: str) -> None:
    """A link names the UID of a dashboard, and sets variables that it has."""
    found = re.fullmatch(rf"{GRAFANA}/d/([\w-]+)(?:\?(.*))?", ALERTS[name]["annotations"]["dashboard_url"])
    assert found
    dashboard = DASHBOARDS[found[1]]
    variables = {f"var-{one['name']}" for one in dashboard["templating"]["list"]}
    assert {pair.split("=")[0] for pair in (found[2] or "").split("&") if pair} <= variables


@pytest.mark.skipif(not DASHBOARDS, reason="no dashboards in grafana/dashboards")
def test_every_dashboard_of_an_alert_is_linked() -> None:
    """The dashboards of single things are reached from an alert; the fleet's is where one begins."""
    linked = {rule["annotations"]["dashboard_url"].split("/d/")[1].split("?")[0] for rule in ALERTS.values()}
    assert linked == {"runvitals-run", "runvitals-rank", "runvitals-server", "runvitals-gpu", "runvitals-sidecar"}


@pytest.mark.parametrize("name", sorted(PIPELINE_ALERTS))
def test_an_alert_on_the_watchers_has_a_severity(name: str) -> None:
    """What is not a fault brings its own severity, since no metric does."""
    assert ALERTS[name]["labels"].keys() == {"severity"}
    assert ALERTS[name]["labels"]["severity"] in {"critical", "warning", "info", "none"}


@pytest.mark.parametrize("name", sorted(FAULT_ALERTS))
def test_a_lost_scrape_is_no_recovery(name: str) -> None:
    """An alert on a fault outlasts the time after which its sidecar is told to be down."""
    heard = re.findall(r"\[(\w+)\]", ALERTS[name]["expr"])
    assert [_seconds(one) > _seconds(ALERTS["RunvitalsTargetDown"]["for"]) for one in heard] == [True]


@pytest.mark.parametrize("name", sorted(FAULT_ALERTS))
def test_an_all_clear_is_not_held_back(name: str) -> None:
    """A finding that closes resolves its alert at the next evaluation."""
    assert "keep_firing_for" not in ALERTS[name]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_every_wait_has_its_reason(path: object) -> None:
    """Beside every `for` and `keep_firing_for` stands a comment, and beside every fault's alert that has no `for`."""
    lines = path.read_text().splitlines()  # type: ignore[attr-defined]
    for number, line in enumerate(lines):
        if re.match(r"\s+(for|keep_firing_for):", line):
            assert "#" in line or lines[number - 1].lstrip().startswith("#"), f"{path}:{number + 1}: {line}"
        if line.lstrip().startswith("- alert:"):
            rule = ALERTS[line.split()[-1]]
            assert "for" in rule or lines[number + 1].lstrip().startswith("#"), f"{path}:{number + 1}: {line}"


def test_rules_ask_only_for_metrics_that_exist() -> None:
    """Every metric in a rule or in the evidence of an alert is one of the catalogue's."""
    texts = [rule["expr"] for rule in RECORDINGS]
    texts += [text for rule in ALERTS.values() for text in (rule["expr"], *rule["annotations"].values())]
    names = set().union(*(metric_names(text) for text in texts))
    assert names
    assert names <= METRICS.keys()


def test_rules_ask_only_for_labels_and_signals_that_exist() -> None:
    """Every matcher of a rule names a label of that metric, and a signal of the catalogue."""
    texts = [rule["expr"] for rule in RECORDINGS]
    texts += [text for rule in ALERTS.values() for text in (rule["expr"], *rule["annotations"].values())]
    selectors = [found for text in texts for found in re.findall(r"(runvitals_\w+)\{([^}]*)\}", text)]
    assert selectors
    for name, matchers in selectors:
        assert set(re.findall(r"(\w+)=", matchers)) <= {*METRICS[name].labels, "job", "instance"}, (name, matchers)
        for value in re.findall(r'signal=~?\\?"([\w|]+)', matchers):
            assert set(value.split("|")) <= SIGNALS


@pytest.mark.parametrize("rule", RECORDINGS, ids=lambda rule: str(rule["record"]))
def test_a_recorded_name_is_level_metric_operation(rule: dict[str, str]) -> None:
    """A recording rule is named for what it keeps, the metric that it asks, and the operation."""
    level, metric, operation = rule["record"].split(":")
    assert level in {"instance", "rank", "run", "cluster"}
    assert metric in METRICS
    assert re.search(rf"\b{metric}\b", rule["expr"])
    assert re.fullmatch(r"[a-z0-9_]+", operation)


@pytest.mark.parametrize("rule", RECORDINGS, ids=lambda rule: str(rule["record"]))
def test_the_labels_of_a_scrape_go(rule: dict[str, str]) -> None:
    """What is kept of a rank is told by rank, of a run by run, of a cluster by neither; job and instance go.

    They stay where the name says so: on what tells which sidecar watches what.
    """
    for labels in re.findall(r"^\w+ by \(([^)]*)\)|^1 - max by \(([^)]*)\)", rule["expr"]):
        kept = set("".join(labels).split(", "))
        assert "cluster" not in kept
        assert len({"job", "instance"} & kept) in (0, 2)
        level = (
            "instance" if "instance" in kept else "rank" if "rank" in kept else "run" if "run" in kept else "cluster"
        )
        assert rule["record"].startswith(f"{level}:")


def test_what_rests_on_a_recorded_name_finds_it() -> None:
    """Every recorded name that a rule asks for is recorded, and nothing is asked before it is kept."""
    kept: set[str] = set()
    for rule in RECORDINGS:
        assert recorded_names(rule["expr"]) <= kept, rule["record"]
        kept.add(rule["record"])
    for name, rule in ALERTS.items():
        asked = set().union(*(recorded_names(text) for text in (rule["expr"], *rule["annotations"].values())))
        assert asked <= kept, name


def test_no_rule_reads_every_signal_of_every_rank() -> None:
    """Metrics of signals are asked for by the signal's name, and what a rule of a thousand ranks costs is known."""
    rules = {rule.get("record", rule.get("alert")): rule["expr"] for rule in (*RECORDINGS, *ALERTS.values())}
    unnamed = {
        name
        for name, expression in rules.items()
        for matchers in re.findall(r"(?<![:\w])runvitals_signal_\w+(\{[^}]*\})?", expression)
        if "signal=" not in matchers
    }
    assert not unnamed


def test_the_older_versions_are_older() -> None:
    """RunvitalsSidecarTooOld names the minor releases before this one, and neither this one nor a later one."""
    [pattern] = re.findall(r'version=~"([^"]+)"', ALERTS["RunvitalsSidecarTooOld"]["expr"])
    major, minor = (int(part) for part in re.findall(r"\d+", __version__)[:2])
    older = [f"{x}.{y}.3" for x in range(major + 1) for y in range(100 if x < major else minor)]
    later = [f"{major}.{minor}.0rc1", __version__, f"{major}.{minor + 1}.0", f"{major + 1}.0.0", f"{major + 10}.0.1"]
    assert older
    assert all(re.fullmatch(pattern, version) for version in older)
    assert not any(re.fullmatch(pattern, version) for version in later)
    assert f"written for {major}.{minor}," in ALERTS["RunvitalsSidecarTooOld"]["annotations"]["description"]


def test_alerts_look_for_the_job_that_is_scraped() -> None:
    """The job name in the rules is the one in prometheus.yml."""
    jobs = [job["job_name"] for job in load(PROMETHEUS / "prometheus.yml")["scrape_configs"]]
    asked = {found for rule in ALERTS.values() for found in re.findall(r'job="(\w+)"', rule["expr"])}
    assert asked == set(jobs[:1])
    assert jobs[1:] == ["prometheus", "alertmanager"]


def test_promtool_finds_nothing_to_mend() -> None:
    """Rules and config pass promtool, with every lint an error."""
    run_program("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    run_program("promtool", "check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_promtool_runs_the_rule_tests(path: object) -> None:
    """Each alert fires, waits and clears as its test in prometheus/tests says."""
    assert "SUCCESS" in run_program("promtool", "test", "rules", str(path))


def test_every_rule_is_tested() -> None:
    """promtool sees every alert fire and be silent, and every recording rule answer."""
    tests = [test for path in RULE_TESTS for test in load(path)["tests"]]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == ALERTS.keys()
    assert silent | {"RunvitalsWatchdog"} == ALERTS.keys()
    asked = " ".join(case["expr"] for test in tests for case in test.get("promql_expr_test", []))
    assert {rule["record"] for rule in RECORDINGS} <= set(re.findall(r"[\w:]+", asked))


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]

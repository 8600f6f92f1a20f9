"""Rules, built and written by hand, checked against the catalogue in both directions."""

from __future__ import annotations

import re

import pytest

from prometheus.build.rules import alert_name
from prometheus.build.written import written
from runvitals.catalogue import faults, metrics, signals
from tests.bundle.shipped import (
    ALERTS,
    PROMETHEUS,
    RECORDINGS,
    RULE_FILES,
    RULE_TESTS,
    load,
    metric_names,
    run_program,
)

RANK_FAULTS = [fault for fault in faults.ALL if fault.scope == "rank"]
FAULT_ALERTS = {alert_name(fault): fault for fault in RANK_FAULTS}
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
    """A fault's alert asks whether a finding is open, with the labels of the metric and no number of its own."""
    rule = ALERTS[alert_name(fault)]
    expected = f'max by ({", ".join(metrics.FAULT)}) ({metrics.FAULT_ACTIVE.name}{{fault="{fault.name}"}}) == 1'
    assert rule["expr"] == expected
    assert "severity" not in rule.get("labels", {}), "the severity comes from the metric"


def test_every_alert_on_a_fault_has_its_fault() -> None:
    """No alert asks for a fault that the catalogue does not have."""
    for name, rule in ALERTS.items():
        for fault in re.findall(r'fault="(\w+)"', rule["expr"]):
            assert alert_name(faults.BY_NAME[fault]) == name


@pytest.mark.parametrize("fault", RANK_FAULTS, ids=by_name)
def test_a_fault_is_told_in_the_words_of_the_catalogue(fault: faults.Fault) -> None:
    """Summary and first action of an alert are the catalogue's sentences, and the description ends in the action."""
    annotations = ALERTS[alert_name(fault)]["annotations"]
    assert annotations["summary"] == fault.summary
    assert annotations["action"] == fault.first_action
    assert annotations["description"].endswith(f"First: {fault.first_action}")


@pytest.mark.parametrize("fault", RANK_FAULTS, ids=by_name)
def test_an_alert_shows_the_signals_that_its_fault_is_found_in(fault: faults.Fault) -> None:
    """The evidence of an alert is taken from the signals that the fault's detector reads."""
    assert set(fault.signals) <= set(re.findall(r"\w+", ALERTS[alert_name(fault)]["annotations"]["description"]))


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_says_what_a_reader_needs(name: str) -> None:
    """Every alert has a sentence for a title, a description, a first action and a runbook under its own name."""
    annotations = ALERTS[name]["annotations"]
    assert re.fullmatch(r"[A-Z][^{}\n]*\.", annotations["summary"]), "a static sentence with a period"
    assert annotations["description"].endswith(f"First: {annotations['action']}")
    assert annotations["runbook_url"].endswith(f"/prometheus/runbooks.md#{name}")


@pytest.mark.parametrize("name", sorted(PIPELINE_ALERTS))
def test_an_alert_on_the_watchers_has_a_severity(name: str) -> None:
    """What is not a fault brings its own severity, since no metric does."""
    assert ALERTS[name]["labels"].keys() == {"severity"}
    assert ALERTS[name]["labels"]["severity"] in {"critical", "warning", "info", "none"}


@pytest.mark.parametrize("name", sorted(FAULT_ALERTS))
def test_a_lost_scrape_is_no_recovery(name: str) -> None:
    """An alert on a fault outlasts the time after which its sidecar is told to be down."""
    assert _seconds(ALERTS[name]["keep_firing_for"]) > _seconds(ALERTS["RunvitalsTargetDown"]["for"])


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
    assert level in {"run", "cluster"}
    assert metric in METRICS
    assert metric in metric_names(rule["expr"])
    assert re.fullmatch(r"[a-z0-9_]+", operation)


def test_alerts_look_for_the_job_that_is_scraped() -> None:
    """The job name in the rules is the one in prometheus.yml."""
    (job,) = load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    asked = {found for rule in ALERTS.values() for found in re.findall(r'job="(\w+)"', rule["expr"])}
    assert asked == {job["job_name"]}


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

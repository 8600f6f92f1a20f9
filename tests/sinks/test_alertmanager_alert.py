"""The alert of the fast path, and the settings that make it the rule's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runvitals.catalogue import alerts, faults
from runvitals.config import ConfigError, load, to_yaml
from runvitals.sinks.alertmanager.alert import alert_of, as_go_time
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.values import Evidence
from tests.bundle.shipped import ALERTS
from tests.sinks.findings import finding

PLAIN = AlertmanagerSettings()


@pytest.mark.parametrize("fault", faults.ALL, ids=lambda fault: fault.name)
def test_names_are_those_of_the_rules(fault: faults.Fault) -> None:
    """A fault's alert, its runbook and its dashboard are the same, whichever way they come."""
    name = alerts.alert_name(fault.name)
    shipped = ALERTS[name]["annotations"]
    assert alerts.runbook_url(name) == shipped["runbook_url"]
    filled = re.sub(r"\{\{ \$labels\.(\w+) \| urlquery \}\}", r"\1", shipped["dashboard_url"])
    assert alerts.dashboard_url(fault.name, "run", "rank") == filled


def test_labels_are_the_rules_and_what_prometheus_adds() -> None:
    """External labels go in, but never over the alert's own; target labels only where rules of one's own keep them."""
    settings = AlertmanagerSettings(
        external_labels={"cluster": "blue"}, target_labels={"team": "vision", "job": "x"}, kept=("team",)
    )
    assert alert_of(finding(rank=""), settings).labels == {
        "alertname": "RunvitalsNonfiniteLoss",
        "run": "llama",
        "fault": "nonfinite_loss",
        "category": "parameters",
        "severity": "critical",
        "cluster": "blue",
        "team": "vision",
    }


def test_a_description_says_what_was_seen_and_what_to_do() -> None:
    """The head of the rule's description, the finding's own evidence, the first action at the end."""
    found = finding()
    text = alert_of(found, PLAIN).annotations["description"]
    head = "The loss is NaN or infinite. Rank 3 of run llama, since step 4117 (87.5% sure)."
    assert text == f"{head} The loss was NaN; about 2.5 was expected. First: {found.first_action}"


def test_what_was_seen_is_told_apart_and_once() -> None:
    """Sentences of several steps, which end without a stop, are told one from the other; the same one twice is once."""
    seen = ["loss is nan", "loss is nan", "learning_rate was raised 2-fold"]
    text = alert_of(finding(evidence=[Evidence(one) for one in seen]), PLAIN).annotations["description"]
    assert " (87.5% sure). loss is nan; learning_rate was raised 2-fold. First: " in text


def test_the_runbook_is_where_the_config_says() -> None:
    """A link of the fast path leads where those of the rules do."""
    told = alert_of(finding(), PLAIN, "https://wiki.example/vitals")
    assert told.annotations["runbook_url"] == "https://wiki.example/vitals#RunvitalsNonfiniteLoss"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_700_000_000.0, "20 +0000 UTC"),
        (1_700_000_000.25, "20.25 +0000 UTC"),
        (1_700_000_000.0019, "20.001 +0000 UTC"),
    ],
)
def test_times_are_written_as_prometheus_does(seconds: float, text: str) -> None:
    """The message templates read them."""
    assert as_go_time(seconds) == f"2023-11-14 22:13:{text}"


def test_names_may_hold_anything() -> None:
    """What UTF-8 cannot say is replaced as on the page; a link stays one."""
    told = alert_of(finding(run="a b&c=\ud800<script>"), AlertmanagerSettings(grafana="https://g.example/"))
    assert told.labels["run"] == "a b&c=\ufffd<script>"
    assert (
        told.annotations["dashboard_url"] == "https://g.example/d/runvitals-run?var-run=a+b%26c%3D%EF%BF%BD%3Cscript%3E"
    )


def test_what_concerns_one_process_is_shown_for_it() -> None:
    """A server's, a GPU's and a process's faults have dashboards of their own; training is shown for all ranks."""
    places = {
        fault.name: alerts.dashboard_url(fault.name, "r", "3", "https://g.example").removeprefix("https://g.example/d/")
        for fault in faults.ALL
    }
    assert places["server_down"] == "runvitals-server?var-run=r&var-rank=3"
    assert places["gpu_fault"] == places["low_utilisation"] == "runvitals-gpu?var-run=r&var-rank=3"
    assert places["memory_leak"] == "runvitals-rank?var-run=r&var-rank=3"
    assert places["divergence"] == places["straggler"] == "runvitals-run?var-run=r"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("urls: [localhost:9093]", "must be like http://localhost:9093"),
        ("urls: ['http://user:pw@a:9093']", "basic_auth"),
        ("urls: ['http://a:9093', 'http://a:9093']", "twice"),
        ("external_labels: {severity: critical}", "cannot be a label here"),
        ("external_labels: {my-cluster: x}", "cannot be a label here"),
        ("resend: 600", "between 1.0 and 240.0"),
        ("password: x", "unknown key"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """With the place and the remedy, before anything starts."""
    file = tmp_path / "c.yml"
    file.write_text(f"alertmanager:\n  {text}\n")
    with pytest.raises(ConfigError, match=problem) as refused:
        load(file)
    assert "alertmanager" in str(refused.value)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    """Neither on /config nor anywhere that shows the config."""
    file = tmp_path / "c.yml"
    file.write_text("alertmanager: {urls: ['http://a:9093'], basic_auth: {username: u, password: hunter2}}\n")
    assert "hunter2" not in to_yaml(load(file))

"""Who is told what: the shipped route tree, asked by amtool."""

from __future__ import annotations

import pytest

from prometheus.build.rules import alert_name
from runvitals.catalogue import faults
from tests.bundle.shipped import ALERTMANAGER_CONFIG, ALERTS, load, run_program

CONFIG = load(ALERTMANAGER_CONFIG)
TOLD = {"critical": "sms,email", "warning": "email", "info": "null"}
FAULT_ALERTS = [alert_name(fault) for fault in faults.ALL]
PIPELINE_ALERTS = [name for name in ALERTS if name not in FAULT_ALERTS]


def check_route(receivers: str, **labels: str) -> None:
    """Assert that an alert with these labels goes to these receivers."""
    words = [f"{label}={value}" for label, value in labels.items()]
    config = f"--config.file={ALERTMANAGER_CONFIG}"
    run_program("amtool", "config", "routes", "test", config, f"--verify.receivers={receivers}", *words)


def test_amtool_accepts_the_shipped_file_as_it_is() -> None:
    """The config, with its placeholders, and all templates are valid."""
    said = run_program("amtool", "check-config", ALERTMANAGER_CONFIG)
    assert "SUCCESS" in said
    assert "1 templates" in said


@pytest.mark.parametrize("severity", TOLD)
@pytest.mark.parametrize("name", FAULT_ALERTS)
def test_a_fault_is_told_by_its_severity(name: str, severity: str) -> None:
    """Critical: SMS and e-mail; warning: e-mail; info: nobody. Whatever severity a config gives to a fault."""
    check_route(TOLD[severity], alertname=name, severity=severity, run="llama", rank="0")


@pytest.mark.parametrize("name", [name for name in PIPELINE_ALERTS if name != "RunvitalsWatchdog"])
def test_the_watchers_are_told_by_their_severity(name: str) -> None:
    """The alerts on the pipeline go the same ways."""
    severity = ALERTS[name]["labels"]["severity"]
    check_route(TOLD[severity], alertname=name, severity=severity, job="runvitals")


def test_the_watchdog_reaches_nobody() -> None:
    """The alert that always fires disturbs nobody."""
    check_route("null", alertname="RunvitalsWatchdog", severity="none")


@pytest.mark.parametrize("labels", [{"severity": "catastrophic"}, {}], ids=["unknown", "none"])
def test_a_severity_that_nobody_thought_of_is_mailed(labels: dict[str, str]) -> None:
    """An alert that no route was made for is not lost."""
    check_route("email", alertname="SomethingElse", **labels)


def test_a_cause_mutes_by_its_exact_name() -> None:
    """Each inhibition has one exact source and target, both shipped, and compares labels."""
    for rule in CONFIG["inhibit_rules"]:
        for matchers in (rule["source_matchers"], rule["target_matchers"]):
            (matcher,) = matchers
            label, quoted = matcher.split("=", 1)
            assert label == "alertname"
            assert quoted.startswith('"')
            assert quoted.strip('"') in ALERTS
        assert {"cluster"} < set(rule["equal"])


def test_no_secret_is_in_the_config() -> None:
    """Passwords come from files and AWS credentials from the environment."""
    text = ALERTMANAGER_CONFIG.read_text(encoding="utf-8")
    for key in ("smtp_auth_password:", "auth_password:", "secret_key:", "access_key:", "smtp_auth_secret:"):
        assert key not in text


def test_a_recovery_is_mailed_and_not_rung() -> None:
    """Who was told of a fault by mail is told of its end by mail; no telephone rings for it."""
    receivers = {receiver["name"]: receiver for receiver in CONFIG["receivers"]}
    assert all(email["send_resolved"] for email in receivers["email"]["email_configs"])
    assert not any(sms["send_resolved"] for sms in receivers["sms"]["sns_configs"])

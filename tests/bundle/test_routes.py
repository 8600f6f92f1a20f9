"""Who is told what: the shipped route tree, asked by amtool."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import ALERTMANAGER, ALERTMANAGER_CONFIG, ALERTS, Document, load, run_program

CONFIG = load(ALERTMANAGER_CONFIG)
FRAGMENTS = sorted((ALERTMANAGER / "receivers").glob("*.yml"))
TOLD = {"critical": "sms,email", "warning": "email", "info": "null"}
FAULT_ALERTS = [alert_name(fault.name) for fault in faults.ALL]
OTHERS = {"webhook": "webhook", "slack": "slack", "pagerduty": "pagerduty"}
PIPELINE_ALERTS = [name for name in ALERTS if name not in FAULT_ALERTS]


def check_route(receivers: str, config: Path = ALERTMANAGER_CONFIG, **labels: str) -> None:
    """Assert that an alert with these labels goes to these receivers."""
    words = [f"{label}={value}" for label, value in labels.items()]
    file = f"--config.file={config}"
    run_program("amtool", "config", "routes", "test", file, f"--verify.receivers={receivers}", *words)


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


def test_nothing_is_lost_in_quiet_hours() -> None:
    """Only warnings wait for the morning: no route for what is critical, and not the root, is ever muted."""
    muted = [route for route in CONFIG["route"]["routes"] if "mute_time_intervals" in route]
    assert [route["matchers"] for route in muted] == [['severity="warning"']]
    [hours] = CONFIG["time_intervals"]
    assert muted[0]["mute_time_intervals"] == [hours["name"]]
    assert all("location" in interval for interval in hours["time_intervals"])


def test_sms_of_a_run_are_capped() -> None:
    """Whatever is wrong with a run is one group for the telephone, looked at three times an hour."""
    [route] = [route for route in CONFIG["route"]["routes"] if route.get("group_by")]
    assert (route["receiver"], route["group_by"]) == ("sms", ["cluster", "run"])
    assert route["group_interval"] == "20m"


def with_fragment(path: Path, folder: Path) -> Path:
    """Put an alternative into a copy of the shipped config as its comment says, and return the copy."""
    config, fragment = load(ALERTMANAGER_CONFIG), load(path)
    names = {one["name"] for one in fragment["receivers"]}
    config["route"]["routes"] = fragment["routes"] + config["route"]["routes"]
    config["receivers"] = [one for one in config["receivers"] if one["name"] not in names] + fragment["receivers"]
    shutil.copytree(ALERTMANAGER / "templates", folder / "templates")
    copy = folder / "alertmanager.yml"
    copy.write_text(yaml.safe_dump(config))
    return copy


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_an_alternative_fits_into_the_shipped_config(path: Path, tmp_path: Path) -> None:
    """amtool accepts it; the critical reach whom it names beside those who were told before, and info nobody."""
    config = with_fragment(path, tmp_path)
    run_program("amtool", "check-config", config)
    added = OTHERS.get(path.stem)
    check_route(f"{added},{TOLD['critical']}" if added else TOLD["critical"], config, severity="critical", run="r")
    check_route(TOLD["info"], config, severity="info", run="r")


def test_a_team_is_told_by_its_own_receiver(tmp_path: Path) -> None:
    """What belongs to a team goes to its mailbox by the same rules, and to nobody else's."""
    config = with_fragment(ALERTMANAGER / "receivers" / "team.yml", tmp_path)
    for severity, receivers in {"critical": "sms,team-vision", "warning": "team-vision", "info": "null"}.items():
        check_route(receivers, config, severity=severity, run="r", team="vision")


def secrets_in(document: Document) -> set[str]:
    """Return the keys below which a secret would stand in the open."""
    words = ("password", "secret", "token", "credentials", "routing_key", "api_url")
    found = set()
    for key, value in document.items():
        inner = value if isinstance(value, list) else [value]
        found |= {one for item in inner if isinstance(item, dict) for one in secrets_in(item)}
        found |= {key} if key.endswith(words) else set()
    return found


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_an_alternative_holds_no_secret(path: Path) -> None:
    """Keys, tokens and the URLs that are as good as one stand in files."""
    assert secrets_in(load(path)) == set()


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

"""What is built from the bundle for Kubernetes: whole, current, and small enough."""

from __future__ import annotations

import json
import subprocess
from pathlib import PurePosixPath

import pytest
import yaml

import deploy.kubernetes.build.__main__ as command
from deploy.kubernetes.build.routes import DoesNotCarryOverError, alertmanager_config
from deploy.kubernetes.build.written import BUILT_FOLDERS, CHART, DASHBOARDS, DEPLOY, RULES, written
from runvitals.bundle.shipped import shipped_files
from tests.programs import find_program

ROUTES = """
route:
  receiver: email
  routes: [{matchers: ['severity!~"info|none"', 'run=""'], receiver: email, mute_time_intervals: [night]}]
receivers: [{name: email, email_configs: [{to: a@example.org, headers: {Subject: one}}]}]
global: {smtp_from: b@example.org, smtp_auth_password_file: /secret, smtp_require_tls: false}
time_intervals: [{name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], location: UTC}]}]
"""


@pytest.fixture(scope="module")
def built():
    """Every built file."""
    return written(shipped_files())


def test_what_is_committed_is_what_is_built(built):
    """Whoever changes a rule, a route or a dashboard runs `python -m deploy.kubernetes.build`."""
    assert {path: (DEPLOY / path).read_text(encoding="utf-8") for path in built} == built
    there = {f"{folder}/{file.name}" for folder in BUILT_FOLDERS for file in (DEPLOY / folder).iterdir()}
    assert there == {path for path in built if str(PurePosixPath(path).parent) in BUILT_FOLDERS}


def test_each_file_of_rules_is_one_object_with_the_same_groups(built):
    """Nothing is lost or altered on the way, whatever the templates in the annotations hold."""
    shipped = {path: text for path, text in shipped_files().items() if path.startswith("prometheus/rules/")}
    assert len(shipped) >= 4
    for path, text in shipped.items():
        name = PurePosixPath(path).stem
        assert yaml.safe_load(built[f"{RULES}/{name}.yaml"])["spec"] == yaml.safe_load(text)
        assert yaml.safe_load(built[f"{CHART}/rules/{name}.yml"]) == yaml.safe_load(text)


def test_promtool_accepts_the_rules_of_the_objects(built, tmp_path):
    """What the operator will hand to Prometheus is loadable."""
    for path in (path for path in built if path.startswith(RULES) and "kustomization" not in path):
        (tmp_path / PurePosixPath(path).name).write_text(yaml.safe_dump(yaml.safe_load(built[path])["spec"]))
    promtool = [find_program("promtool"), "check", "rules", *sorted(tmp_path.iterdir())]
    done = subprocess.run(promtool, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_dashboards_say_the_same(built):
    """A dashboard is only written closer."""
    shipped = {path: text for path, text in shipped_files().items() if path.startswith("grafana/dashboards/")}
    assert shipped
    for path, text in shipped.items():
        for folder in (DASHBOARDS, f"{CHART}/dashboards"):
            assert json.loads(built[f"{folder}/{PurePosixPath(path).name}"]) == json.loads(text)


def test_routes_take_the_operators_form():
    """Matchers are taken apart, the mail server stands in each receiver, and a password is a key of a Secret."""
    made = alertmanager_config(ROUTES)
    assert made["route"]["matchers"] == [{"name": "alertname", "value": "Runvitals.*", "matchType": "=~"}]
    assert made["route"]["routes"][0]["matchers"] == [
        {"name": "severity", "value": "info|none", "matchType": "!~"},
        {"name": "run", "value": "", "matchType": "="},
    ]
    assert made["muteTimeIntervals"] == [
        {"name": "night", "timeIntervals": [{"times": [{"startTime": "22:00", "endTime": "24:00"}]}]}
    ]
    assert made["receivers"][0]["emailConfigs"] == [
        {
            "to": "a@example.org",
            "from": "b@example.org",
            "requireTLS": False,
            "authPassword": {"name": "runvitals-smtp", "key": "password"},
            "headers": [{"key": "Subject", "value": "one"}],
        }
    ]


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("location: UTC", "location: Europe/Berlin", "UTC instead of Europe/Berlin"),
        ("email_configs", "slack_configs", "slack_configs"),
        ("to: a@example.org", "to: a@example.org, threading: {}", "threading"),
        ("smtp_from", "slack_api_url", "slack_api_url"),
        ("time_intervals: [{name", "tracing: {}\ntime_intervals: [{name", "tracing"),
        ("{matchers:", "{match_re: {}, matchers:", "match_re"),
    ],
)
def test_what_has_no_place_is_refused_by_name(before, after, named):
    """Nothing is left out in silence."""
    with pytest.raises(DoesNotCarryOverError, match=named):
        alertmanager_config(ROUTES.replace(before, after, 1))


def test_a_matcher_that_is_not_understood_is_refused():
    """An escaped quotation mark would change its meaning on the way."""
    with pytest.raises(ValueError, match="no matcher"):
        alertmanager_config(ROUTES.replace('run=""', 'run=~"a\\\\"b"'))


def test_the_command_writes_all_and_removes_what_is_no_more(tmp_path, monkeypatch, built):
    """A dashboard that is taken out of the bundle leaves the cluster too."""
    stale = tmp_path / DASHBOARDS / "runvitals-old.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    monkeypatch.setattr(command, "DEPLOY", tmp_path)
    monkeypatch.setattr("sys.argv", ["build"])
    command.main()
    files = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == built


def test_with_values_the_objects_are_those_of_an_installation(tmp_path, monkeypatch):
    """Links, addresses and receivers are the user's, as `runvitals bundle` fills them in."""
    values = tmp_path / "values.yaml"
    sms = "{phone_number: '+491512345678', region: eu-central-1}"
    email = "{to: [ops@example.org], sender: r@example.org, smarthost: 'smtp.example.org:587'}"
    values.write_text(f"grafana_url: https://grafana.example.org\nalertmanager: {{email: {email}, sms: {sms}}}\n")
    monkeypatch.setattr(command, "DEPLOY", tmp_path)
    monkeypatch.setattr("sys.argv", ["build", "--values", str(values)])
    command.main()
    assert "grafana.example.com" not in (tmp_path / RULES / "faults.yaml").read_text()
    routes = yaml.safe_load((tmp_path / CHART / "alertmanagerconfig.yaml").read_text())
    (email,) = [one["emailConfigs"][0] for one in routes["receivers"] if one["name"] == "email"]
    assert (email["to"], email["from"]) == ("ops@example.org", "r@example.org")
    assert "authPassword" not in email

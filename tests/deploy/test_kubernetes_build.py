"""What is built from the bundle for Kubernetes: whole, current, and small enough."""

from __future__ import annotations

import json
import subprocess
from pathlib import PurePosixPath

import pytest
import yaml

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
    command = [find_program("promtool"), "check", "rules", *sorted(tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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

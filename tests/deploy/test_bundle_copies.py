"""The quickstart's copies of the shipped configuration differ in addresses and times alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.quickstart import bundle_copies
from deploy.quickstart.addresses import Addresses
from tests.programs import find_program

UNLIKE = {"group_wait", "group_interval", "routes", "mute_time_intervals"}
ADDRESSES = Addresses(sidecar=11, prometheus=12, alertmanager=13, smtp=14, sns=15)


@pytest.fixture
def prometheus(root, tmp_path):
    return bundle_copies.write_prometheus(root, tmp_path / "prometheus", ADDRESSES)


@pytest.fixture
def alertmanager(root, tmp_path):
    return bundle_copies.write_alertmanager(root, tmp_path / "alertmanager", ADDRESSES)


def _hosts(path: Path) -> set[str]:
    return set(re.findall(r"[\w.-]+:\d{2,5}\b", path.read_text()))


def test_every_rule_is_there_with_its_expression(root, prometheus):
    """No rule is lost, and what it asks is what is shipped."""
    for shipped in (root / "prometheus" / "rules").glob("*.yml"):
        copied = prometheus.parent / "rules" / shipped.name
        assert _expressions(copied) == _expressions(shipped)
        assert _expressions(copied)


def _expressions(path: Path) -> list[tuple[str, str]]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [(rule.get("alert") or rule["record"], rule["expr"]) for group in groups for rule in group["rules"]]


def test_prometheus_knows_only_this_machine(prometheus):
    """It scrapes the sidecar and its own watchers, alerts the Alertmanager of the quickstart, and nothing else."""
    assert _hosts(prometheus) == {"127.0.0.1:11", "127.0.0.1:12", "127.0.0.1:13"}


def test_no_message_leaves_this_machine(alertmanager):
    """Every receiver of e-mail or SMS points to the catcher: nobody's telephone rings."""
    config = yaml.safe_load(alertmanager.read_text())
    assert config["global"]["smtp_smarthost"] == "127.0.0.1:14"
    receivers = config["receivers"]
    assert all(key in {"name", "email_configs", "sns_configs"} for receiver in receivers for key in receiver)
    assert all("smarthost" not in mail for receiver in receivers for mail in receiver.get("email_configs", []))
    urls = [sns["api_url"] for receiver in receivers for sns in receiver.get("sns_configs", [])]
    assert urls
    assert set(urls) == {"http://127.0.0.1:15"}


def test_the_routes_are_the_shipped_ones(root, alertmanager):
    """Matchers, receivers and grouping are untouched: only waiting is shorter, and no hour is quiet."""
    shipped = yaml.safe_load((root / "alertmanager" / "alertmanager.yml").read_text())
    copied = yaml.safe_load(alertmanager.read_text())
    assert copied["inhibit_rules"] == shipped["inhibit_rules"]
    assert [_without_times(route) for route in _routes(copied)] == [_without_times(route) for route in _routes(shipped)]
    assert not any("mute_time_intervals" in route for route in _routes(copied))
    assert {route["group_wait"] for route in _routes(copied)} == {bundle_copies.EVERY}


def _routes(config: dict) -> list[dict]:
    return [config["route"], *config["route"]["routes"]]


def _without_times(route: dict) -> dict:
    return {key: value for key, value in route.items() if key not in UNLIKE}


def test_promtool_and_amtool_accept_the_copies(prometheus, alertmanager):
    """The programs themselves find nothing wrong with the copies."""
    for command in (["promtool", "check", "config", prometheus], ["amtool", "check-config", alertmanager]):
        subprocess.run([find_program(command[0]), *command[1:]], check=True, capture_output=True)

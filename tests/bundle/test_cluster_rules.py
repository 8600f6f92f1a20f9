"""The faults that only Prometheus sees are told in the catalogue's words, and each run is judged by itself."""

from __future__ import annotations

import re

import pytest

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import ALERTS, PROMETHEUS, load

CLUSTER_FAULTS = [fault for fault in faults.ALL if fault.scope == "cluster"]
NAMES = {alert_name(fault.name) for fault in CLUSTER_FAULTS}


def by_name(fault: faults.Fault) -> str:
    return fault.name


@pytest.mark.parametrize("fault", CLUSTER_FAULTS, ids=by_name)
def test_a_cluster_fault_is_told_in_the_words_of_the_catalogue(fault: faults.Fault) -> None:
    """Severity, summary and first action of the rule are those of the fault."""
    rule = ALERTS[alert_name(fault.name)]
    assert rule["labels"] == {"severity": fault.severity}
    assert rule["annotations"]["summary"] == fault.summary
    assert rule["annotations"]["action"] == fault.first_action


def test_the_file_holds_the_cluster_faults_and_nothing_else() -> None:
    """Rules and catalogue agree in both directions."""
    [group] = load(PROMETHEUS / "rules" / "cluster.yml")["groups"]
    assert {rule["alert"] for rule in group["rules"]} == NAMES


@pytest.mark.parametrize("name", [name for name, rule in ALERTS.items() if "$labels.rank" in str(rule["annotations"])])
def test_what_is_told_of_a_rank_asks_nothing_of_all_ranks(name: str) -> None:
    """Annotations are worked out for each rank that alerts: asking all ranks there would be work by their square."""
    asked = re.findall(r'query \(printf "((?:[^"\\]|\\.)*)"', "".join(ALERTS[name]["annotations"].values()))
    of_ranks = [text for text in asked if re.search(r"(?<!:)\brunvitals_", text)]
    assert asked
    assert all("rank=%q" in text or "{%s" in text for text in of_ranks), of_ranks


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_rule_compares_the_ranks_of_two_runs(name: str) -> None:
    """Every aggregation and every comparison keeps the run apart."""
    groupings = re.findall(r"\b(?:by|on) \(([^)]*)\)", ALERTS[name]["expr"])
    assert groupings
    of_a_target = "job, instance"  # a series of a target against whether that target is up
    assert all("run" in grouping.split(", ") or grouping == of_a_target for grouping in groupings)

"""The dashboards keep the rules of grafana/dashboard-linter but for the exclusions in its file; and each rule bites."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.bundle.boards import DASHBOARDS, FOLDER, queries, selectors, variables
from tests.bundle.dashboard_linter import RULES
from tests.bundle.shipped import Document, load

EXCLUSIONS = load(FOLDER / ".lint")["exclusions"]
SIDECAR = DASHBOARDS["runvitals-sidecar"]


def excluded(rule: str, dashboard: Document) -> bool:
    entries = EXCLUSIONS.get(rule, {}).get("entries", [])
    return dashboard["title"] in {entry["dashboard"] for entry in entries}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_rule_holds_or_is_excluded_with_a_reason(name: str, rule: str) -> None:
    """Nothing is complained about but what .lint excludes, and nothing is excluded without need."""
    complaints = list(RULES[rule](DASHBOARDS[name]))
    assert bool(complaints) == excluded(rule, DASHBOARDS[name]), complaints


def test_every_exclusion_has_a_reason_and_a_rule() -> None:
    """.lint names rules that exist, and says why each is left out."""
    assert len(RULES) == 17
    assert EXCLUSIONS.keys() <= RULES.keys()
    assert all(exclusion["reason"] for exclusion in EXCLUSIONS.values())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_only_what_has_no_job_is_asked_for_without_one(name: str) -> None:
    """The exclusion of the rule on jobs covers recorded series and ALERTS, which have none, and nothing else."""
    for _, expr in queries(DASHBOARDS[name]):
        for selector in selectors(expr):
            if ":" not in selector.metric and selector.metric != "ALERTS":
                assert ("job", "=~", "$job") in selector.matchers, expr
                assert ("cluster", "=~", "$cluster") in selector.matchers, expr


def _first_panel(dashboard: Document) -> Document:
    return next(panel for panel in dashboard["panels"] if panel["type"] != "row")


def _ask(expr: str) -> Callable[[Document], None]:
    return lambda dashboard: _first_panel(dashboard)["targets"][0].update(expr=expr)


def _change(variable: str, **settings: object) -> Callable[[Document], None]:
    return lambda dashboard: variables(dashboard)[variable].update(settings)


def _change_panel(**settings: object) -> Callable[[Document], None]:
    return lambda dashboard: _first_panel(dashboard).update(settings)


LOKI = {"type": "loki", "uid": "${datasource}"}
OWN = 'cluster=~"$cluster", job=~"$job", instance=~"$instance"'
BROKEN: dict[str, Callable[[Document], None]] = {
    "template-datasource-rule": _change("datasource", name="prom"),
    "template-job-rule": _change("job", multi=False),
    "template-instance-rule": _change("instance", allValue=".*"),
    "template-label-promql-rule": _change("job", query="label_value(up, job)"),
    "template-on-time-change-reload-rule": _change("job", refresh=1),
    "panel-datasource-rule": _change_panel(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}),
    "panel-title-description-rule": _change_panel(description=""),
    "panel-units-rule": _change_panel(fieldConfig={"defaults": {"unit": "parsecs"}, "overrides": []}),
    "panel-no-targets-rule": _change_panel(targets=[]),
    "target-logql-rule": _change_panel(targets=[{"expr": "{}", "datasource": LOKI}]),
    "target-logql-auto-rule": _change_panel(targets=[{"expr": "{}", "datasource": LOKI}]),
    "target-promql-rule": _ask("sum(up{job=~$job})"),
    "target-rate-interval-rule": _ask(f"rate(process_cpu_seconds_total{{{OWN}}}[5m])"),
    "target-job-rule": _ask('up{cluster=~"$cluster", job="runvitals", instance=~"$instance"}'),
    "target-instance-rule": _ask('up{cluster=~"$cluster", job=~"$job"}'),
    "target-counter-agg-rule": _ask(f"sum(process_cpu_seconds_total{{{OWN}}})"),
    "uneditable-dashboard": lambda dashboard: dashboard.update(editable=True),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_bites(rule: str) -> None:
    """A dashboard that breaks the rule is complained about; unbroken it is not."""
    broken = copy.deepcopy(SIDECAR)
    BROKEN[rule](broken)
    assert list(RULES[rule](broken))
    assert not list(RULES[rule](SIDECAR))

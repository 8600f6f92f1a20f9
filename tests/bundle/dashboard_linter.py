"""The rules of grafana/dashboard-linter, written anew from its documentation; each returns what it complains about.

They look at every panel and query, where the linter knows six types of panels, and at counters whatever their matchers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.bundle.boards import calls_around, panels, queries, selectors, substituted, variables
from tests.bundle.shipped import Document

UNITS = {
    "none", "short", "percentunit", "s", "bytes", "binBps", "celsius", "watt", "hertz", "reqps", "cps",
    "dateTimeFromNow",
}  # fmt: skip
"""Of Grafana's units those that these dashboards use."""

_VARIABLE_QUERY = re.compile(r"label_names\(\)|label_values\((?:(.*),\s*)?\w+\)|metrics\(.*\)|query_result\((.*)\)")
_OWN_DATASOURCE = ("$datasource", "${datasource}")

Complaints = Iterator[str]


def template_datasource(dashboard: Document) -> Complaints:
    """There is a variable for the datasource, named and labelled as usual."""
    sources = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    if not sources:
        yield "no datasource variable"
    for one in sources:
        if one["name"] not in ("datasource", f"{one['query']}_datasource"):
            yield f"datasource variable is named {one['name']}"
        if one["label"].lower() not in ("data source", f"{one['query']} data source"):
            yield f"datasource variable is labelled {one['label']}"


def _template(dashboard: Document, name: str) -> Complaints:
    one = variables(dashboard).get(name)
    if one is None:
        yield f"no variable {name}"
        return
    wanted = {"type": "query", "multi": True, "allValue": ".+", "label": name.capitalize()}
    yield from (f"{name}: {key} is not {value}" for key, value in wanted.items() if one.get(key) != value)
    if one["datasource"]["uid"] not in _OWN_DATASOURCE:
        yield f"{name}: its datasource is fixed"


def template_job(dashboard: Document) -> Complaints:
    """Jobs can be chosen."""
    return _template(dashboard, "job")


def template_instance(dashboard: Document) -> Complaints:
    """Instances can be chosen."""
    return _template(dashboard, "instance")


def _query_variables(dashboard: Document) -> list[Document]:
    return [one for one in dashboard["templating"]["list"] if one["type"] == "query"]


def template_label_promql(dashboard: Document) -> Complaints:
    """The query of a variable is one that Grafana's Prometheus datasource knows."""
    for one in _query_variables(dashboard):
        if not _VARIABLE_QUERY.fullmatch(one["query"]):
            yield f"{one['name']}: {one['query']}"


def template_on_time_change_reload(dashboard: Document) -> Complaints:
    """Choices are made anew when the time range changes."""
    yield from (one["name"] for one in _query_variables(dashboard) if one["refresh"] != 2)


def panel_datasource(dashboard: Document) -> Complaints:
    """Panels, their queries and the annotations use the chosen datasource."""
    for panel in [*panels(dashboard), *dashboard["annotations"]["list"]]:
        for one in [panel, *panel.get("targets", [])]:
            if one["datasource"]["uid"] not in _OWN_DATASOURCE:
                yield panel.get("title") or panel["name"]


def panel_title_description(dashboard: Document) -> Complaints:
    """Panels have a title and a description."""
    yield from (f"panel {panel['id']}" for panel in panels(dashboard) if not (panel["title"] and panel["description"]))


def panel_units(dashboard: Document) -> Complaints:
    """Panels have a unit that Grafana knows, and so has each column that differs."""
    for panel in panels(dashboard):
        units = [panel["fieldConfig"]["defaults"].get("unit")]
        for one in panel["fieldConfig"]["overrides"]:
            units += [setting["value"] for setting in one["properties"] if setting["id"] == "unit"]
        yield from (f"{panel['title']}: {unit}" for unit in units if unit not in UNITS)


def panel_no_targets(dashboard: Document) -> Complaints:
    """Panels have queries."""
    yield from (panel["title"] for panel in panels(dashboard) if not panel.get("targets"))


def target_logql(dashboard: Document) -> Complaints:
    """Queries of logs parse: there are none here."""
    for panel in panels(dashboard):
        yield from (panel["title"] for target in panel["targets"] if target["datasource"]["type"] == "loki")


def target_logql_auto(dashboard: Document) -> Complaints:
    """Queries of logs use $__auto: there are none here."""
    return target_logql(dashboard)


def target_promql(dashboard: Document) -> Complaints:
    """Queries have balanced brackets and no variable outside of quotes that is left; promtool parses them besides."""
    for panel, expr in queries(dashboard):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', substituted(expr))
        if "$" in bare or any(bare.count(left) != bare.count(right) for left, right in ("()", "{}", "[]")):
            yield f"{panel['title']}: {expr}"


def target_rate_interval(dashboard: Document) -> Complaints:
    """Rates look back over $__rate_interval."""
    for panel, expr in queries(dashboard):
        for name, window in re.findall(r"\b(i?rate)\([^\[]*\[([^\]]*)\]", expr):
            if window != "$__rate_interval":
                yield f"{panel['title']}: {name} over {window}"


def _target(dashboard: Document, label: str) -> Complaints:
    for panel, expr in queries(dashboard):
        for selector in selectors(expr):
            if (label, "=~", f"${label}") not in selector.matchers:
                yield f"{panel['title']}: {selector.metric}"


def target_job(dashboard: Document) -> Complaints:
    """Every selector is of the chosen jobs."""
    return _target(dashboard, "job")


def target_instance(dashboard: Document) -> Complaints:
    """Every selector is of the chosen instances."""
    return _target(dashboard, "instance")


def target_counter_agg(dashboard: Document) -> Complaints:
    """Counters are looked at as rates or increases."""
    for panel, expr in queries(dashboard):
        for selector in selectors(expr):
            if not selector.metric.endswith("_total"):
                continue
            around = calls_around(expr, selector.begin)
            if not selector.window or not around or around[0].name not in ("rate", "irate", "increase"):
                yield f"{panel['title']}: {selector.metric}"


def uneditable_dashboard(dashboard: Document) -> Complaints:
    """Nobody edits in the browser what is written by a program."""
    if dashboard.get("editable", False):
        yield "editable"


RULES: dict[str, Callable[[Document], Complaints]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql_auto,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable_dashboard,
}

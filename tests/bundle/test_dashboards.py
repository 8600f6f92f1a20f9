"""The dashboards: written from the catalogue, whole, legible, and bounded in what they ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from grafana.build import layout, palette, units
from grafana.build.links import Boards
from grafana.build.panels import stat
from grafana.build.written import DASHBOARDS as FOLDER
from grafana.build.written import written
from runvitals.anomaly.settings import AnomalySettings
from runvitals.catalogue import faults, metrics, signals
from runvitals.catalogue.faults import Category, Severity
from runvitals.exposition.process_metrics import process_families
from runvitals.values import State
from tests.bundle.boards import DASHBOARDS, Selector, calls_around, panels, queries, selectors, substituted, variables
from tests.bundle.shipped import ALERTS, RECORDINGS, Document, metric_names, run_program

METRICS = {metric.name: metric for metric in metrics.ALL}
RECORDED = {rule["record"]: rule["expr"] for rule in RECORDINGS}
FOREIGN = {"up", "ALERTS", *(family.metric.name for family in process_families())}
SCRAPED = {"cluster", "job", "instance"}
LEFT_OUT = {
    metrics.INCIDENTS.name: "begins at 1, so that an increase misses the first; what was open is seen in fault_active",
}
AGGREGATIONS = {"max", "min", "sum", "count", "group", "topk", "bottomk", "quantile"}
FEW = {"topk", "bottomk", "quantile", "count", "sum"}

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS.keys())


def all_queries() -> Iterator[str]:
    """Yield every query of the panels and annotations."""
    for dashboard in DASHBOARDS.values():
        yield from (expr for _, expr in queries(dashboard))
        yield from (one["expr"] for one in dashboard["annotations"]["list"])


def all_selectors() -> Iterator[Selector]:
    """Yield every selector of panels, annotations and variables."""
    choices = [one["query"] for board in DASHBOARDS.values() for one in variables(board).values()]
    for expr in (*all_queries(), *choices):
        yield from selectors(expr)


def test_what_is_built_is_what_is_shipped() -> None:
    """The dashboards and the Grafana-managed alerts are those of today's catalogue and rules; none is left over."""
    files = written()
    stale = [path.name for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    assert not stale, "run `python -m grafana.build`"
    assert set(FOLDER.glob("*.json")) <= files.keys()


def test_the_dashboards_are_those_that_links_lead_to() -> None:
    """Each dashboard has its address and title, short enough for Grafana."""
    assert {(board["uid"], board["title"]) for board in DASHBOARDS.values()} == {(one.uid, one.title) for one in Boards}
    assert all(len(uid) <= 40 and board["uid"] == uid for uid, board in DASHBOARDS.items())


# What they ask


def test_every_query_parses(tmp_path: Path) -> None:
    """Prometheus's own parser takes every query of panels and annotations."""
    rules = [{"record": "asked", "expr": substituted(expr)} for expr in all_queries()]
    (tmp_path / "asked.yml").write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    run_program("promtool", "check", "rules", "--lint=none", tmp_path / "asked.yml")


def test_every_series_that_is_asked_for_exists() -> None:
    """A query names metrics of the catalogue, recorded series, and what every sidecar and Prometheus have."""
    names = {selector.metric for selector in all_selectors()}
    assert names <= METRICS.keys() | RECORDED.keys() | FOREIGN
    assert metric_names(" ".join(all_queries())) <= METRICS.keys()


def test_every_metric_of_the_catalogue_is_on_a_dashboard() -> None:
    """What is exposed can be seen, or is left out with a reason."""
    assert METRICS.keys() - {selector.metric for selector in all_selectors()} == LEFT_OUT.keys()


def test_every_signal_of_the_catalogue_is_on_a_dashboard() -> None:
    """What a fault is found in has a panel of its own, and so has every other signal."""
    asked = {value for one in all_selectors() for label, _, value in one.matchers if label == "signal"}
    assert asked == {signal.name for signal in signals.ALL}


def labels_of(metric: str) -> set[str]:
    """Return the labels that a series may have."""
    if metric in METRICS:
        return {*METRICS[metric].labels, *SCRAPED}
    if metric in RECORDED:
        kept = re.findall(r"by \(([^)]*)\)", RECORDED[metric])
        return {name.strip() for names in kept for name in names.split(",")}
    return {*SCRAPED, "alertname", "alertstate", "run", "fault", "severity"}


def test_every_label_that_is_asked_for_exists() -> None:
    """A matcher names a label of its series."""
    for selector in all_selectors():
        assert {label for label, _, _ in selector.matchers} <= labels_of(selector.metric), selector


def test_every_label_that_is_kept_or_written_exists() -> None:
    """What is aggregated by, and what a legend shows, is a label of what is asked for."""
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                known = {label for one in selectors(target["expr"]) for label in labels_of(one.metric)}
                kept = {
                    name.strip()
                    for by in re.findall(r"(?:by|on) \(([^)]*)\)", target["expr"])
                    for name in by.split(",")
                }
                assert kept <= known, target["expr"]
                assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, target


VALUES_OF = {
    "signal": {signal.name for signal in signals.ALL},
    "fault": set(faults.BY_NAME),
    "category": set(get_args(Category)),
    "severity": set(get_args(Severity)),
    "state": {state.value for state in State},
    "horizon": {"1", "50"},
    "layer": {""},
    "alertname": {"Runvitals.+"},
    "alertstate": {"firing"},
}


def test_every_value_that_is_asked_for_exists() -> None:
    """A matcher asks for values that the catalogue has, or that are chosen above the dashboard."""
    assert all(name.startswith("Runvitals") for name in ALERTS)
    for selector in all_selectors():
        for label, operator, value in selector.matchers:
            chosen = value in (f"${label}", "")
            assert chosen or set(value.split("|") if "~" in operator else [value]) <= VALUES_OF[label], selector


@each_dashboard
def test_what_is_asked_of_many_ranks_gives_few_series(dashboard: Document) -> None:
    """Of ten thousand ranks nobody is shown as many lines: one is chosen, or the worst, or they are aggregated."""
    for _, expr in queries(dashboard):
        for selector in selectors(expr):
            if ("rank", "=", "$rank") in selector.matchers or "rank" not in labels_of(selector.metric):
                continue
            around = [call for call in calls_around(expr, selector.begin) if call.name in AGGREGATIONS]
            assert around, expr
            if "rank" in around[0].by:
                assert {call.name for call in around[1:]} & FEW or " and topk(" in expr or " and bottomk(" in expr, expr


# What is chosen


@each_dashboard
def test_choices_are_chained(dashboard: Document) -> None:
    """A choice depends on those before it alone, so that it offers what exists."""
    before: list[str] = []
    for name, variable in variables(dashboard).items():
        used = set(re.findall(r"\$(\w+)", variable["query"]))
        assert used <= set(before)
        assert not used or used >= set(before) - {"datasource"}
        assert name == "datasource" or variable["datasource"]["uid"] == "${datasource}"
        before.append(name)
    assert before[:3] == ["datasource", "cluster", "job"]


@each_dashboard
def test_every_variable_is_used_and_every_used_one_exists(dashboard: Document) -> None:
    """Nothing can be chosen without effect, and nothing is asked with a choice that is not there."""
    asked = " ".join(expr for _, expr in queries(dashboard)) + " ".join(
        one["query"] for one in variables(dashboard).values()
    )
    used = set(re.findall(r"\$([a-z]\w*)", asked))
    assert used == variables(dashboard).keys() - {"datasource"}


@each_dashboard
def test_no_datasource_is_named(dashboard: Document) -> None:
    """Whatever a Prometheus is called elsewhere, the dashboards find it."""
    assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(dashboard))) == {"${datasource}", dashboard["uid"]}
    assert variables(dashboard)["datasource"]["current"] == {}
    assert "__inputs" not in dashboard


def every_link(dashboard: Document) -> Iterator[str]:
    """Yield the address of every link of a dashboard."""
    yield from (link["url"] for link in dashboard["links"])
    for panel in panels(dashboard):
        config = panel["fieldConfig"]
        yield from (link["url"] for link in config["defaults"].get("links", []))
        for one in config["overrides"]:
            yield from (link["url"] for field in one["properties"] if field["id"] == "links" for link in field["value"])


@each_dashboard
def test_links_lead_to_dashboards_with_the_choices_they_bring(dashboard: Document) -> None:
    """A way between dashboards ends at one that has the variables it sets, and reads those that are here."""
    for url in every_link(dashboard):
        if url.startswith("https://"):
            continue
        path, _, brought = url.partition("?")
        there = variables(DASHBOARDS[path.removeprefix("/d/")])
        here = variables(dashboard)
        assert set(re.findall(r"var-(\w+)=", brought)) <= there.keys(), url
        carried = set(re.findall(r"\$\{(\w+):queryparam\}", brought))
        assert {"datasource", "cluster", "job"} <= carried <= there.keys() & here.keys(), url
        assert all(there[name]["multi"] or not here[name]["multi"] for name in carried), url


@each_dashboard
def test_every_dashboard_leads_to_the_others(dashboard: Document) -> None:
    """From each dashboard the others and the runbooks are one step away."""
    addresses = " ".join(link["url"] for link in dashboard["links"])
    assert all(f"/d/{one.uid}?" in addresses for one in Boards if one.uid != dashboard["uid"])
    assert "runbooks.md" in addresses


# How they read


@each_dashboard
def test_the_grid_is_full_and_nothing_overlaps(dashboard: Document) -> None:
    """Every line from the first to the last is filled from edge to edge by one panel for each place."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(layout.WIDTH) for y in range(bottom)}


@each_dashboard
def test_panels_are_told_apart(dashboard: Document) -> None:
    """Numbers and titles are of one panel each, and every panel stands under a heading."""
    assert dashboard["panels"][0]["type"] == "row"
    for key in ("id", "title"):
        values = [panel[key] for panel in dashboard["panels"]]
        assert len(values) == len(set(values)), key


@each_dashboard
def test_graphs_name_their_lines(dashboard: Document) -> None:
    """A graph has a legend, and several queries in it have different ones."""
    for panel in panels(dashboard):
        if panel["type"] in ("timeseries", "state-timeline"):
            legends = [target["legendFormat"] for target in panel["targets"]]
            assert "__auto" not in legends
            assert panel["options"]["legend"]["showLegend"]


def thresholds(panel: Document) -> list[float]:
    """Return the levels of a panel's lines."""
    return [
        step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None
    ]


def defaults() -> dict[str, float]:
    """Return every default of the catalogue by the name that a panel gives it."""
    named = {f"{fault.name}.{key}": one.value for fault in faults.ALL for key, one in fault.thresholds.items()}
    return {**named, "series.anomaly.outlier": AnomalySettings().outlier, "Any is worth a look": 1}


@each_dashboard
def test_lines_are_the_defaults_of_the_catalogue(dashboard: Document) -> None:
    """A line in a panel is a default, and the panel says whose."""
    for panel in panels(dashboard):
        if "thresholds" in panel["fieldConfig"]["defaults"] and (lines := thresholds(panel)):
            said = [value for name, value in defaults().items() if name in panel["description"]]
            assert lines == said, panel["title"]


def mappings_of(node: object) -> Iterator[Document]:
    """Yield every value mapping below a node."""
    if isinstance(node, dict):
        if "mappings" in node:
            yield from node["mappings"]
        if node.get("id") == "mappings":
            yield from node["value"]
        for child in node.values():
            yield from mappings_of(child)
    elif isinstance(node, list):
        for child in node:
            yield from mappings_of(child)


@each_dashboard
def test_no_state_is_told_by_its_colour_alone(dashboard: Document) -> None:
    """What has a colour has a word too, and no two words are the same."""
    for panel in panels(dashboard):
        assert panel["type"] != "state-timeline" or panel["fieldConfig"]["defaults"]["mappings"]
    for mapping in mappings_of(dashboard["panels"]):
        words = [option["text"] for option in mapping["options"].values()]
        assert all(words)
        assert len(words) == len(set(words))


@each_dashboard
def test_colours_are_those_that_the_colour_blind_tell_apart(dashboard: Document) -> None:
    """Every colour that is named is of the palette of Okabe and Ito, or grey."""
    known = {*palette.SERIES, palette.GREY}
    assert set(re.findall(r'"#[0-9A-Fa-f]{6}"', json.dumps(dashboard))) <= {json.dumps(colour) for colour in known}


def test_severities_are_in_order() -> None:
    """Worse is more on a timeline, and each of the catalogue's severities has a number."""
    assert [palette.number_of(name) for name in ("info", "warning", "critical")] == [1, 2, 3]
    assert set(palette.SEVERITIES) == set(get_args(Severity))


def test_what_to_do_first_is_said_for_every_fault() -> None:
    """The table of open incidents says of each fault of the catalogue what it is and what to do."""
    told = json.dumps(DASHBOARDS["runvitals-fleet"], ensure_ascii=False)
    for fault in faults.ALL:
        assert json.dumps(f"{fault.summary} First: {fault.first_action}", ensure_ascii=False) in told


def test_every_fault_has_a_row_with_its_signals() -> None:
    """On the dashboard of a rank each category has a row that names its faults and shows what was open."""
    headings = {panel["title"]: panel for panel in DASHBOARDS["runvitals-rank"]["panels"]}
    for fault in faults.ALL:
        if fault.scope == "rank":
            assert f"Faults of {fault.category}" in headings
            assert fault.name in headings[f"Faults of {fault.category} over time"]["description"]


def test_every_signal_has_a_unit_of_grafana() -> None:
    """A new unit in the catalogue needs its counterpart; a share is shown in per cent."""
    assert all(units.unit_of(signal) for signal in signals.ALL)
    assert units.unit_of(signals.ERROR_RATIO) == "percentunit"
    assert units.unit_of(signals.CPU_UTILIZATION) == "short"


def test_a_line_that_cannot_fill_the_grid_is_refused() -> None:
    """Five panels abreast would leave a gap."""
    five = [stat(f"Number {place}", "A number.", [], "none") for place in range(5)]
    with pytest.raises(ValueError, match="5 panels do not fill a line of 24"):
        layout.place([layout.Row("Row", [layout.Line(layout.NUMBER, five)])])

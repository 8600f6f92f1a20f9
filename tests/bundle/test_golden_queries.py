"""Every query of the bundle, of rules and of panels, answered by a real Prometheus from real pages.

What the sidecars of a small cluster show (stories.py) is written into a Prometheus; what the recording rules keep of
it, and the alerts that fire, are written beside it. Then every selector must find series, by each of its matchers and
by every value that it looks for; every label that is grouped by must be there; and the query must have an answer.
Where there are no dashboards, only the rules are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pynvml
import pytest
import yaml

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager
from runvitals.sources.gpu.settings import GpuSettings
from runvitals.sources.gpu.source import GpuSource
from tests.bundle import stories
from tests.bundle.promql import Selector, filled_in, grouping_labels, mutants, selectors
from tests.bundle.recorded_prometheus import Recorded, Samples, Series, holding
from tests.bundle.shipped import ALERTS, DASHBOARDS, RECORDINGS, RULE_FILES, Document, recorded_names
from tests.programs import ROOT
from tests.servers import running_alertmanager
from tests.sources.gpu.fake_nvml import FakeGpu, FakeNvml

pytestmark = pytest.mark.slow

EXTERNAL = {"cluster": "here"}  # as Prometheus's external labels add to all that it sends on
END = stories.START + stories.SECONDS
SILENT = {
    # They watch for what is not there, or for what no story breaks: Prometheus and Alertmanager, whose own pages hold
    # what these rules ask for. That they fire is shown in prometheus/tests.
    "RunvitalsTargetAbsent",
    "RunvitalsRulesFailing",
    "RunvitalsAlertsNotSent",
    "RunvitalsNotificationsFailing",
}


class Query(NamedTuple):
    """A query of the bundle: where it stands, what it asks, and the labels that its legend shows."""

    place: str
    text: str
    shown: frozenset[str] = frozenset()


def panels(dashboard: Document) -> Iterator[Document]:
    """Yield every panel, those in rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _panel_queries() -> Iterator[Query]:
    for uid, dashboard in DASHBOARDS.items():
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                labels = re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat") or "")
                yield Query(f"{uid}: {panel['title']}", filled_in(target["expr"]), frozenset(labels))
        for note in dashboard.get("annotations", {}).get("list", []):
            if "expr" in note:
                yield Query(f"{uid}: {note['name']}", filled_in(note["expr"]))
        for variable in dashboard["templating"]["list"]:
            if found := re.fullmatch(r"label_values\((.*), *(\w+)\)", str(variable.get("query"))):
                yield Query(f"{uid}: ${variable['name']}", f"count by ({found[2]}) ({filled_in(found[1])})")


PANELS = list(_panel_queries())
RULES = [Query(rule.get("record") or rule["alert"], rule["expr"].strip()) for rule in (*RECORDINGS, *ALERTS.values())]
QUERIES = [*RULES, *PANELS]


class Cluster:
    """A Prometheus with everything in it, and the labels of every series."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        names = {selector.metric for query in QUERIES for selector in selectors(query.text)}
        self._labels = recorded.labels_of(names)

    def faults_of(self, query: Query) -> list[str]:
        """Return what is wrong with a query."""
        asked = selectors(query.text)
        found = [fault for selector in asked for fault in self._faults_of_selector(selector)]
        known = {label for one in asked for labels in self._labels.get(one.metric, []) for label in labels}
        made = set(re.findall(r'label_replace\(.*?, "(\w+)"', query.text))
        found += [f"no label {label}" for label in grouping_labels(query.text) - known - made]
        return found or self._faults_of_answer(query)

    def _faults_of_selector(self, selector: Selector) -> Iterator[str]:
        series = self._labels.get(selector.metric, [])
        if not series:
            yield f"no series of {selector.metric}"
        for matcher in selector.matchers:
            if not any(matcher.label in labels for labels in series):
                yield f"{selector.metric} has no label {matcher.label}"
            for value in matcher.alternatives:
                is_shown = any(re.fullmatch(value, labels.get(matcher.label, "")) for labels in series)
                if not is_shown and (selector.metric, matcher.label, value) != ("ALERTS", "severity", "info"):
                    yield f"{selector.metric} has no {matcher.label} {value!r}"
        if selector.metric != "ALERTS" and not any(_matches(selector, labels) for labels in series):
            yield f"nothing is {selector}"

    def _faults_of_answer(self, query: Query) -> list[str]:
        if query.place in SILENT:
            return []
        series = self._recorded.answer(query.text)
        if not series:
            return ["no answer"]
        return [
            f"no label {label} to show" for label in query.shown if not any(label in one["metric"] for one in series)
        ]


def _matches(selector: Selector, labels: dict[str, str]) -> bool:
    """Return whether a series is selected, of whatever severity: a panel has a place for each, also where none is."""
    matchers = (matcher for matcher in selector.matchers if matcher.label != "severity")
    return all(matcher.accepts(labels.get(matcher.label, "")) for matcher in matchers)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """What was scraped; then what is kept of it, of that, and the alerts: each asked of what was there before."""
    folder = tmp_path_factory.mktemp("golden")
    _scraped().write(folder)
    for written in (_from_the_ranks, _from_the_runs, _alerts):
        with _held(folder) as recorded:
            samples = written(recorded, folder)
        samples.write(folder)
    with _held(folder) as recorded:
        yield Cluster(recorded)


def _held(folder: Path) -> AbstractContextManager[Recorded]:
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"rule_files": [str(path) for path in RULE_FILES]}))
    return holding(config, folder, stories.START, END, stories.SCRAPE_SECONDS)


def _scraped() -> Samples:
    """Return the pages of all sidecars, and `up`, which Prometheus adds to each scrape."""
    samples = Samples()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynvml, "nvmlLib", FakeNvml(FakeGpu(0), FakeGpu(1)))
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        gpu = GpuSource(GpuSettings(rank="node-3"), list_rings=list)
        for page in stories.pages(gpu):
            target = {"job": "runvitals", "instance": page.instance, **EXTERNAL}
            samples.add_page(page.text, page.time, target)
            samples.add("up", target, str(int(bool(page.text))), page.time)
        gpu.close()
    return samples


def _from_the_ranks(recorded: Recorded, folder: Path) -> Samples:
    """Return what is kept of each run, and the pages of Prometheus and of an Alertmanager themselves."""
    samples = _kept(recorded, [rule for rule in RECORDINGS if not recorded_names(rule["expr"])])
    with running_alertmanager(write_alertmanager(ROOT, folder / "routes", Addresses()), folder) as alertmanager:
        for server in (recorded.server, alertmanager):
            page = server.text("/metrics")
            for at in range(stories.SCRAPE_SECONDS, stories.SECONDS, stories.SCRAPE_SECONDS):
                samples.add_page(page, stories.START + at, {"job": "watchers", "instance": server.url, **EXTERNAL})
    return samples


def _from_the_runs(recorded: Recorded, _: Path) -> Samples:
    """Return what is kept of what was kept."""
    return _kept(recorded, [rule for rule in RECORDINGS if recorded_names(rule["expr"])])


def _kept(recorded: Recorded, rules: list[Document]) -> Samples:
    samples = Samples()
    for rule in rules:
        _add(samples, rule["record"], recorded.answer(rule["expr"]), {})
    return samples


def _alerts(recorded: Recorded, _: Path) -> Samples:
    """Return the alerts as Prometheus notes them, without waiting: how long they wait is shown in prometheus/tests."""
    samples = Samples()
    for name, rule in ALERTS.items():
        labels = {"alertname": name, "alertstate": "firing", **rule.get("labels", {})}
        _add(samples, "ALERTS", recorded.answer(rule["expr"]), labels)
    return samples


def _add(samples: Samples, name: str, answer: list[Series], labels: dict[str, str]) -> None:
    for series in answer:
        own = {label: value for label, value in series["metric"].items() if label != "__name__"}
        for time, value in series["values"]:
            samples.add(name, {**own, **labels, **EXTERNAL}, "1" if name == "ALERTS" else value, float(time))


def test_every_rule_has_its_answer(cluster: Cluster) -> None:
    """Every recording and alert rule finds what it looks for."""
    wrong = {query.place: found for query in RULES if (found := cluster.faults_of(query))}
    assert not wrong


@pytest.mark.skipif(not PANELS, reason="no dashboards in grafana/dashboards: rules alone are asked")
def test_every_panel_has_its_answer(cluster: Cluster) -> None:
    """Every panel, annotation and variable of the dashboards shows something, under the labels of its legend."""
    wrong = {f"{query.place}: {query.text}": found for query in PANELS if (found := cluster.faults_of(query))}
    assert not wrong


def test_a_wrong_name_is_found_wherever_it_is(cluster: Cluster) -> None:
    """A metric, label or value that is misspelt in any one place of any query fails the tests above."""
    asked = 0
    for query in QUERIES:
        for mutant in mutants(query.text):
            asked += 1
            assert cluster.faults_of(query._replace(text=mutant)), f"{query.place}: {mutant}"
    assert asked > 5 * len(RULES)


def test_a_wrong_legend_is_found(cluster: Cluster) -> None:
    """A legend that shows a label which the query has lost is a fault of its panel."""
    right = Query("a panel", "max by (run) (runvitals_run_step)", frozenset({"run"}))
    assert cluster.faults_of(right) == []
    assert cluster.faults_of(right._replace(shown=frozenset({"rank"}))) == ["no label rank to show"]

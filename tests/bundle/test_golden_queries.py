"""Every query of the bundle, of rules and of panels, answered by a real Prometheus from real pages.

What the sidecars of a small cluster show (stories.py) is written into a Prometheus; what the recording rules keep of it,
and the alerts that fire, are written beside it. Then every selector must find series, by each of its matchers and by
every value that it looks for; every label that is grouped by must be there; and the query must have an answer. Where
there are no dashboards, only the rules are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pynvml
import pytest
import yaml

from runvitals.sources.gpu.settings import GpuSettings
from runvitals.sources.gpu.source import GpuSource
from tests.bundle import stories
from tests.bundle.promql import Selector, filled_in, grouping_labels, mutants, selectors
from tests.bundle.recorded_prometheus import Recorded, Samples, Series, holding
from tests.bundle.shipped import ALERTMANAGER_CONFIG, ALERTS, DASHBOARDS, RECORDINGS, RULE_FILES, Document
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
        found = [fault for selector in selectors(query.text) for fault in self._faults_of_selector(selector)]
        known = {label for one in selectors(query.text) for labels in self._labels.get(one.metric, []) for label in labels}
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
                # Which severities alerts have is not the panel's to know: it has a place for each.
                is_shown = any(labels.get(matcher.label) == value for labels in series)
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
        return [f"no label {label} to show" for label in query.shown if not any(label in one["metric"] for one in series)]


def _matches(selector: Selector, labels: dict[str, str]) -> bool:
    return all(matcher.accepts(labels.get(matcher.label, "")) for matcher in selector.matchers)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("golden")
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"rule_files": [str(path) for path in RULE_FILES]}))
    _scraped(folder).write(folder)
    with _held(config, folder) as recorded, running_alertmanager(_some_routes(folder), folder) as alertmanager:
        kept = Samples()
        _keep(kept, recorded, lambda rule: ":" not in rule["expr"])
        for server in (recorded.server, alertmanager):
            page = _text(f"{server.url}/metrics")
            for at in range(stories.SCRAPE_SECONDS, stories.SECONDS, stories.SCRAPE_SECONDS):
                kept.add_page(page, stories.START + at, {"job": "watchers", "instance": server.url, **EXTERNAL})
    kept.write(folder)
    with _held(config, folder) as recorded:
        kept = Samples()
        _keep(kept, recorded, lambda rule: ":" in rule["expr"])
    kept.write(folder)
    with _held(config, folder) as recorded:
        fired = Samples()
        _fire(fired, recorded)
    fired.write(folder)
    with ExitStack() as stack:
        yield Cluster(stack.enter_context(_held(config, folder)))

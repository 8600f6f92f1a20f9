"""What prometheus/large_cluster.yml leaves of a page is all that the rules and the dashboard Fleet ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from runvitals.sources.gpu.settings import GpuSettings
from runvitals.sources.gpu.source import GpuSource
from tests.bundle import stories
from tests.bundle.boards import DASHBOARDS, queries
from tests.bundle.promql import Selector, filled_in, selectors
from tests.bundle.shipped import ALERTS, PROMETHEUS, RECORDINGS, load
from tests.cluster.relabelling import relabelled
from tests.servers import running_prometheus, serving_page, wait_until
from tests.sources.gpu.fake_nvml import FakeGpu, FakeNvml

pytestmark = pytest.mark.slow

CONFIGS = load(PROMETHEUS / "large_cluster.yml")["metric_relabel_configs"]
FLEET = DASHBOARDS["runvitals-fleet"]
OF_RULES = {rule.get("record") or rule["alert"]: rule["expr"] for rule in (*RECORDINGS, *ALERTS.values())}
OF_FLEET = {f"Fleet: {panel['title']}": filled_in(text) for panel, text in queries(FLEET)}

Series = frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """The last page of each sidecar of the stories, in which everything goes wrong that the bundle knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynvml, "nvmlLib", FakeNvml(FakeGpu(0), FakeGpu(1)))
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        gpu = GpuSource(GpuSettings(rank="node-3"), list_rings=list)
        last = {page.instance: page.text for page in stories.pages(gpu) if page.text}
        gpu.close()
    return list(last.values())


def _series(text: str) -> Iterator[dict[str, str]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield {"__name__": sample.name, **{name: value for name, value in sample.labels.items() if value}}


def _is_asked_for(series: dict[str, str], selector: Selector) -> bool:
    return series["__name__"] == selector.metric and all(
        matcher.accepts(series.get(matcher.label, "")) for matcher in selector.matchers if matcher.label != "job"
    )


@pytest.mark.parametrize("asked", [OF_RULES, OF_FLEET], ids=["rules", "fleet"])
def test_nothing_that_is_asked_for_is_dropped(asked: dict[str, str], texts: list[str]) -> None:
    """Each series that a selector matches is left as it is: answers and alerts are those of the whole page."""
    of_place = {place: selectors(text) for place, text in asked.items()}
    found = set()
    for series in (one for text in texts for one in _series(text)):
        wanted = {place for place, those in of_place.items() if any(_is_asked_for(series, one) for one in those)}
        found |= wanted
        assert not wanted or relabelled(series, CONFIGS) == series, (wanted, series)
    of_pages = {place for place, those in of_place.items() if any(one.metric.startswith("runvitals_") for one in those)}
    assert found == of_pages


def test_most_of_a_rank_is_dropped(texts: list[str]) -> None:
    """It is worth its while: of what a training rank with layers shows a quarter at most is left."""
    of_rank = [one for text in texts for one in _series(text) if (one.get("run"), one.get("rank")) == ("ddp", "0")]
    left = [one for one in of_rank if relabelled(one, CONFIGS) is not None]
    assert len(left) < len(of_rank) / 4


def test_prometheus_takes_it_the_same_way(tmp_path: Path, texts: list[str]) -> None:
    """A Prometheus that scrapes a page with these lines holds what they leave by our own reading of them."""
    text = max(texts, key=len)
    with serving_page(lambda: text) as port:
        job = {"job_name": "runvitals", "scrape_interval": "1s", "scrape_timeout": "1s"}
        targets = {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}], "metric_relabel_configs": CONFIGS}
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [{**job, **targets}]}))
        with running_prometheus(tmp_path / "prometheus.yml", tmp_path) as server:
            wait_until(lambda: server.get("/api/v1/query", query="runvitals_build_info")["data"]["result"], "a scrape")
            match = {"match[]": '{__name__=~"(runvitals|process|python)_.+"}'}
            held = {_without_target(one) for one in server.get("/api/v1/series", **match)["data"]}
    left = {frozenset(kept.items()) for one in _series(text) if (kept := relabelled(one, CONFIGS))}
    assert held == left


def _without_target(labels: dict[str, str]) -> Series:
    return frozenset((name, value) for name, value in labels.items() if name not in {"job", "instance"})

"""What a page of /metrics takes, beside `prometheus_client.generate_latest` on the same data.

Twice: on a registry of gauges and counters that hold the values, as exporters have it, and on families that are ready,
which leaves nothing but the writing. Ours starts from the snapshot in both.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Sample
from prometheus_client.core import Metric as ClientFamily
from prometheus_client.registry import Collector

from runvitals.exposition.families import Family
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page, page_families
from runvitals.exposition.metrics_text import negotiate
from runvitals.values import Snapshot
from tests.benchmarks.many_series import ManySeries, seconds_of
from tests.exposition.pages import Samples, read_page

TEXT = negotiate("")
SIGNALS, WARM_UP = 70, 70
"""Of the rank that is measured once; its snapshot is shown as that of as many runs as the page is to have."""
REPETITIONS = 5
_failures = LogOnce(logging.getLogger("benchmark"))


class Rendering(NamedTuple):
    """Seconds of CPU for one page of so many series, ours and `generate_latest`'s, the best of several turns."""

    series: int
    ours: float
    registry: float
    families: float


class ReadyFamilies(Collector):
    """The families as prometheus_client has them, made beforehand."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = [_ready(family) for family in families if not _is_own(family.metric.name)]

    def collect(self) -> list[ClientFamily]:
        """Return all of them."""
        return self._families


class Pages:
    """Pages of any size, all from one snapshot that the pipeline really made."""

    def __init__(self) -> None:
        many = ManySeries(SIGNALS)
        for _ in range(WARM_UP):
            many.next_second()
        many.snapshot()
        views = tuple(map(_of_today, many.newest.series))
        self._snapshot = msgspec.structs.replace(many.newest, series=views)
        self._lines = _lines(page_of(self._snapshot))

    def snapshot(self, lines: int) -> Snapshot:
        """Return a snapshot whose page has about so many lines of samples: whole runs, and a part of one."""
        whole, part = divmod(lines, self._lines)
        series = self._snapshot.series
        views = [_renamed(view, f"run-{run}") for run in range(whole) for view in series]
        views += [_renamed(view, f"run-{whole}") for view in series[: part * len(series) // self._lines]]
        ranks = [_renamed(view, f"run-{run}") for run in range(whole) for view in self._snapshot.ranks]
        return msgspec.structs.replace(self._snapshot, series=tuple(views), ranks=tuple(ranks))


def page_of(snapshot: Snapshot) -> bytes:
    """Return the page as it is served."""
    return metrics_page(snapshot, None, TEXT, False, _failures)


def compare(snapshot: Snapshot, repetitions: int = REPETITIONS) -> Rendering:
    """Render the snapshot and the same data by `generate_latest`, in turns.

    Raises AssertionError where the pages are not the same to the parser of prometheus_client.
    """
    known = page_families(snapshot, None, _failures)
    contenders = (
        lambda: page_of(snapshot),
        partial(generate_latest, registry_of(known)),
        partial(generate_latest, ReadyFamilies(known)),
    )
    ours, *others = (_shown(render()) for render in contenders)
    assert all(other == ours for other in others), "the pages differ"
    turns = [[seconds_of(render) for render in contenders] for _ in range(repetitions)]
    return Rendering(len(ours), *map(min, zip(*turns, strict=True)))


def registry_of(families: Iterable[Family]) -> CollectorRegistry:
    """Return a registry with these families as gauges and counters, without what is of the process."""
    registry = CollectorRegistry()
    for metric, samples in families:
        if _is_own(metric.name):
            continue
        kind = {"gauge": Gauge, "counter": Counter}[metric.kind]
        parent = kind(metric.name, metric.help, metric.labels, registry=registry)
        for labels, value in samples.items():
            child = parent.labels(*labels) if labels else parent
            child.set(value) if isinstance(child, Gauge) else child.inc(value)
    return registry


def _ready(family: Family) -> ClientFamily:
    metric, samples = family
    ready = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}[metric.kind](metric.name, metric.help)
    ready.samples = [
        Sample(metric.name, {name: one for name, one in zip(metric.labels, labels, strict=True) if one}, value)
        for labels, value in samples.items()
    ]
    return ready


def _renamed(view, run):
    return msgspec.structs.replace(view, run=run)


def _of_today(view):
    """Return the view with a time as it is today: ten digits take longer to write than those of a clock from 0."""
    return msgspec.structs.replace(view, time=1.7e9 + view.time + 0.123)


def _lines(page: bytes) -> int:
    return sum(not line.startswith(b"#") for line in page.splitlines())


def _is_own(name: str) -> bool:
    """Say whether a metric is of this process or of when a child was made, and so never the same on two pages."""
    return name.startswith("process_") or name.endswith("_created")


def _shown(page: bytes) -> Samples:
    """Return what stands on a page; an empty label and none are the same in Prometheus's data model."""
    return {
        (name, frozenset(pair for pair in labels if pair[1])): repr(value)  # so that NaN equals itself
        for (name, labels), value in read_page(page.decode(), "text").items()
        if not _is_own(name)
    }

"""What a page of /metrics takes, beside `prometheus_client.generate_latest` on the same data."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

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
    """Seconds of CPU for one page of so many lines, ours and theirs, the best of several turns."""

    lines: int
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """How much of their time ours takes."""
        return self.ours / self.theirs


class Pages:
    """Pages of any size, all from one snapshot that the pipeline really made."""

    def __init__(self) -> None:
        many = ManySeries(SIGNALS)
        for _ in range(WARM_UP):
            many.next_second()
        many.snapshot()
        self._snapshot = many.newest
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
    """Render the snapshot and the same data in a registry of prometheus_client in turns.

    Their gauges and counters have their values already; ours start from the snapshot. Raises AssertionError where the
    two pages are not the same to the parser of prometheus_client.
    """
    registry = registry_of(page_families(snapshot, None, _failures))
    page = page_of(snapshot)
    assert _shown(page) == _shown(generate_latest(registry)), "the pages differ"
    ours = theirs = float("inf")
    for _ in range(repetitions):
        ours = min(ours, seconds_of(lambda: page_of(snapshot)))
        theirs = min(theirs, seconds_of(lambda: generate_latest(registry)))
    return Rendering(_lines(page), ours, theirs)


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


def _renamed(view, run):
    return msgspec.structs.replace(view, run=run)


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

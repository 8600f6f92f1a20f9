"""What many series at one sample a second take: share of a core with snapshots and scrapes, and memory."""

from __future__ import annotations

import logging
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

from runvitals.catalogue.signals import GRAD_NORM, LOSS
from runvitals.diagnosis.settings import resolve
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.pipeline.series_views import SeriesViews
from runvitals.series import SeriesSettings
from runvitals.values import Sample

SERIES_OF_A_RANK = 100
SCRAPE_SECONDS = 15
TEXT = negotiate("")


class Shares(NamedTuple):
    """CPU seconds a second, of: taking in the samples; a snapshot every second; a page every 15 seconds."""

    observing: float
    snapshots: float
    scrapes: float


class ManySeries:
    """Ranks that each report a loss, a gradient norm and other signals, one sample of each a second."""

    def __init__(self, series: int) -> None:
        limits = SeriesSettings(max_series=series, max_series_per_run=series, max_series_per_source=series)
        self.pipeline = Pipeline(limits, RankSettings(), resolve({}))
        names = LOSS.name, GRAD_NORM.name, *(f"signal_{number}" for number in range(SERIES_OF_A_RANK - 2))
        self._places = [(str(number // SERIES_OF_A_RANK), names[number % SERIES_OF_A_RANK]) for number in range(series)]
        self._rng = random.Random(1)
        self._second = 0
        self._series_views = SeriesViews()

    def next_second(self) -> float:
        """Take in one sample of each series; return the CPU time that took."""
        second = self._second = self._second + 1
        now, draw = float(second), self._rng.lognormvariate
        items = [Sample("run", rank, signal, "", now, second, draw(0.0, 0.2)) for rank, signal in self._places]
        return seconds_of(lambda: self.pipeline.observe(items, "benchmark"))

    def snapshot(self) -> float:
        """Let time pass and take a snapshot, as every tick does; return the CPU time that took."""
        return seconds_of(self._tick)

    def scrape(self) -> float:
        """Render the newest snapshot; return the CPU time that took."""
        failures = LogOnce(logging.getLogger("benchmark"))
        return seconds_of(lambda: metrics_page(self.newest, None, TEXT, True, failures))

    def _tick(self) -> None:
        now = float(self._second)
        self.pipeline.advance(now, {"benchmark": now})
        series = self._series_views.get(lambda: self.pipeline.series_views(now), now)
        self.newest = self.pipeline.snapshot(now, (), ready=True, series=series)


def seconds_of(run: Callable[[], object]) -> float:
    """Return the CPU time of this thread that it takes."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def shares(series: int, warm_up: int, seconds: int) -> Shares:
    """Return the shares of a core over so many seconds, after as many to fill the windows."""
    many = ManySeries(series)
    for _ in range(warm_up):
        many.next_second()
    observing = snapshots = 0.0
    for _ in range(seconds):
        observing += many.next_second()
        snapshots += many.snapshot()
    return Shares(observing / seconds, snapshots / seconds, many.scrape() / SCRAPE_SECONDS)


def bytes_per_series(series: int, values: int) -> float:
    """Return the memory of a series after so many values; that of its rank, detectors and snapshot is included."""
    tracemalloc.start()
    try:
        many = ManySeries(series)
        for _ in range(values):
            many.next_second()
        many.snapshot()
        return tracemalloc.get_traced_memory()[0] / series
    finally:
        tracemalloc.stop()

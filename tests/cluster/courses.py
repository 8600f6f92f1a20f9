"""What a sidecar shows of one rank with 20 signals over an hour, made by the real pipeline, for several ways of faring.

A synthetic cluster has many ranks that fare alike; each way is computed once.
"""

from __future__ import annotations

import logging
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from runvitals.diagnosis.settings import resolve
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event, EventKind, JournalView, Sample, SourceView

STEP_SECONDS = 5
SIGNALS = 20
RUN, RANK = "run", "rank"  # in the pages; each rank of the cluster gets its own

Items = list[Sample | Event]
Labels = tuple[tuple[str, str], ...]

_LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Course(NamedTuple):
    """The series of a page over time: for each the values by the number of the scrape, None where it was absent."""

    of_rank: dict[Labels, list[float | None]]
    of_sidecar: dict[Labels, list[float | None]]


def course(name: str, times: Sequence[float]) -> Course:
    """Return how a rank of this way of faring is seen at these times; it starts before the first of them."""
    start, end = times[0] - STEP_SECONDS, times[-1]
    items = sorted(WAYS[name](start, end), key=lambda item: item.time)
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    found: dict[Labels, list[float | None]] = {}
    place = 0
    for number, time in enumerate(times):
        begin = place
        while place < len(items) and items[place].time <= time:
            place += 1
        pipeline.observe(items[begin:place], "ring")
        pipeline.advance(time)
        for labels, value in _lines(_page(pipeline, time, place)):
            found.setdefault(labels, [None] * len(times))[number] = value
    is_of_rank = {labels: ("run", RUN) in labels for labels in found}
    return Course(
        {labels: values for labels, values in found.items() if is_of_rank[labels]},
        {labels: values for labels, values in found.items() if not is_of_rank[labels]},
    )


def _page(pipeline: Pipeline, now: float, seen: int) -> str:
    source = SourceView("rings", "ring", True, "", 0.01, now, seen, {"torn": 0})
    journal = JournalView(written=0, failures=0, pruned=0, pending=0, dropped={}, incidents=0, size_bytes=4096)
    snapshot = pipeline.snapshot(now, (source,), ready=True)
    shown = msgspec.structs.replace(snapshot, journal=journal, state_saved=now - 5.0)
    status = ReloadStatus(successful=True, last_success=now)
    return metrics_page(shown, status, negotiate(""), False, LogOnce(logging.getLogger(__name__))).decode()


def _lines(page: str) -> Iterator[tuple[Labels, float]]:
    for line in page.splitlines():
        if found := _LINE.match(line):
            yield (("__name__", found["name"]), *_LABEL.findall(found["labels"] or "")), float(found["value"])


def _training(
    seed: int, *, grows: bool = False, slow: float = 1.0, checksum: float = 0.0, crashes: bool = False
) -> Callable[[float, float], Iterator[Sample | Event]]:
    def items(start: float, end: float) -> Iterator[Sample | Event]:
        rng = random.Random(seed)
        fields = {"pid": "4711", "host": "host", "world_size": "1"}
        yield Event(EventKind.RUN_STARTED, RUN, RANK, start, fields=fields)
        steps = int((end - start) / STEP_SECONDS) + 1
        again, trouble = 2 * steps // 3, 3 * steps // 4
        last = trouble if crashes else steps
        for step in range(1, last):
            if step == again:  # all ranks of a cluster at once: what rules ask of the last half hour is most then
                yield Event(EventKind.RUN_FINISHED, RUN, RANK, start + step * STEP_SECONDS - 1.0)
                yield Event(EventKind.RUN_STARTED, RUN, RANK, start + step * STEP_SECONDS - 0.5, fields=fields)
            growth = 1.3 ** min(max(0, step - trouble), 60) if grows else 1.0
            for (signal, layer), value in _step(step, growth, slow, checksum, rng).items():
                yield Sample(RUN, RANK, signal, layer, start + step * STEP_SECONDS, step, value)
        if crashes:
            yield Event(EventKind.RUN_CRASHED, RUN, RANK, start + last * STEP_SECONDS)

    return items


def _step(step: int, growth: float, slow: float, checksum: float, rng: random.Random) -> dict[tuple[str, str], float]:
    norm, noise = growth * math.exp(0.1 * rng.gauss(0.0, 1.0)), rng.random()
    return {
        ("loss", ""): 2.0 * math.exp(-0.002 * step + 0.02 * rng.gauss(0.0, 1.0)) + growth - 1.0,
        ("grad_norm", ""): norm,
        ("grad_norm", "h.0"): 0.6 * norm,
        ("grad_norm", "h.1"): 0.8 * norm,
        ("clipped_grad_norm", ""): min(norm, 1.0),
        ("learning_rate", ""): 1e-3,
        ("loss_scale", ""): 65536.0,
        ("update_ratio", ""): 1e-3 * math.exp(0.1 * rng.gauss(0.0, 1.0)),
        ("step_seconds", ""): STEP_SECONDS + 0.01 * noise,
        ("data_seconds", ""): 0.1 + 0.01 * noise,
        ("compute_seconds", ""): slow * (2.0 + 0.01 * noise),
        ("tokens_per_second", ""): 4096.0 + noise,
        ("samples_per_second", ""): 16.0,
        ("parameter_checksum", ""): 1000.0 + step + checksum,
        ("memory_rss_bytes", ""): 2e9 + 1e6 * noise,
        ("memory_utilization_ratio", ""): 0.5 + 0.01 * noise,
        ("gpu_utilization_ratio", "gpu0"): 0.95 + 0.01 * noise,
        ("gpu_memory_used_bytes", "gpu0"): 6e10,
        ("gpu_memory_utilization_ratio", "gpu0"): 0.75 + 0.01 * noise,
        ("gpu_temperature_celsius", "gpu0"): 60.0 + noise,
    }


_OF_SERVER = {
    "request_seconds": 2.0,
    "request_p50_seconds": 1.5,
    "request_p99_seconds": 6.0,
    "time_to_first_token_seconds": 0.2,
    "time_to_first_token_p50_seconds": 0.15,
    "time_to_first_token_p99_seconds": 0.9,
    "time_per_output_token_seconds": 0.02,
    "time_per_output_token_p50_seconds": 0.018,
    "time_per_output_token_p99_seconds": 0.05,
    "queue_seconds": 0.05,
    "queue_p99_seconds": 0.4,
    "requests_running": 12.0,
    "requests_waiting": 2.0,
    "requests_per_second": 6.0,
    "error_ratio": 0.001,
    "kv_cache_utilization_ratio": 0.4,
    "prompt_tokens_per_second": 2400.0,
    "output_tokens_per_second": 900.0,
}


def _serving(seed: int, *, slow: float = 1.0) -> Callable[[float, float], Iterator[Sample | Event]]:
    def items(start: float, end: float) -> Iterator[Sample | Event]:
        rng = random.Random(seed)
        for step in range(1, int((end - start) / STEP_SECONDS) + 1):
            time = start + step * STEP_SECONDS
            for signal, usual in _OF_SERVER.items():
                factor = slow if signal.endswith("_seconds") else 1.0
                yield Sample(RUN, RANK, signal, "", time, None, usual * factor * math.exp(0.1 * rng.gauss(0.0, 1.0)))
            yield Sample(RUN, RANK, "server_up", "", time, None, 1.0)
            yield Sample(RUN, RANK, "gpu_memory_utilization_ratio", "gpu0", time, None, 0.8)

    return items


WAYS: dict[str, Callable[[float, float], Iterator[Sample | Event]]] = {
    **{f"healthy {seed}": _training(seed) for seed in range(3)},
    "exploding": _training(3, grows=True),
    "slow": _training(4, slow=2.0),
    "corrupted": _training(5, checksum=1.0),
    "crashed": _training(6, crashes=True),
    **{f"serving {seed}": _serving(seed) for seed in range(2)},
    "serving badly": _serving(2, slow=4.0),
}
"""How a rank may fare, by name; each gives the items of a run that starts and ends at these times."""

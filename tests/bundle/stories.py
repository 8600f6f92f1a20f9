"""What the sidecars of a small cluster show for half an hour, page by page, each made by the real pipeline.

Something goes wrong in every way that the bundle knows: on four ranks of one run, on a run that is started again and
again, on three replicas of a server, on a GPU (the source's own reading of the fake driver), on a run for each fault,
and with the sidecars themselves.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from runvitals import __version__
from runvitals.catalogue import faults, signals
from runvitals.catalogue.faults import Fault
from runvitals.detectors.firing import firing
from runvitals.diagnosis.settings import resolve
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.sources.source import Source
from runvitals.values import AlertmanagerView, Event, EventKind, FastPathView, JournalView, Sample, SourceView
from tests.scenarios.server import POLL_SECONDS, POLL_TICKS, Server

START = 1_700_006_400.0  # where a block of Prometheus begins
SECONDS = 2400
SCRAPE_SECONDS = 60
STEP_SECONDS = 2
RUN, SERVER = "ddp", "chat"
WORLD_SIZE = "5"  # one rank is nowhere

Items = list[Sample | Event]


class Page(NamedTuple):
    """What a scrape brought; no text where it failed."""

    instance: str
    time: float
    text: str


def pages(gpu: Source) -> Iterator[Page]:
    """Yield every page in the order of time; `gpu` is a source of GPUs that is polled on node 3."""
    times = [START + at for at in range(SCRAPE_SECONDS, SECONDS, SCRAPE_SECONDS)]
    training = sorted((item for rank in range(4) for item in _rank(rank)), key=lambda item: item.time)
    others = [*_storm(), *_server(), *(item for time in times for item in gpu.poll(time).items), *_other_gpu(times)]
    followed = {
        "node-1:9877": [item for item in training if item.rank in {"0", "1"}],
        "node-2:9877": [item for item in training if item.rank in {"2", "3"}],
        "node-3:9877": sorted(others, key=lambda item: item.time),
    }
    for instance, items in followed.items():
        yield from _watched(instance, items, times)
    every, idle = _every_fault(), _pipeline()
    for time in times:
        text = _text(every, time, 0.0)
        yield Page("node-4:9877", time, text)
        yield Page("old:9877", time, text.replace(f'version="{__version__}"', 'version="0.0.9"'))
        yield Page("skewed:9877", time, _text(idle, time + 60.0, 0.0))
        yield Page("stuck:9877", time, _text(idle, START, 0.0))
        yield Page("down:9877", time, "")


def _pipeline() -> Pipeline:
    return Pipeline(SeriesSettings(), RankSettings(), resolve({}))


def _watched(instance: str, items: Items, times: Iterable[float]) -> Iterator[Page]:
    pipeline = _pipeline()
    place = 0
    for time in times:
        begin = place
        while place < len(items) and items[place].time <= time:
            place += 1
        pipeline.observe(items[begin:place], "ring")
        pipeline.advance(time)
        yield Page(instance, time, _text(pipeline, time, time - START))


def _text(pipeline: Pipeline, now: float, age: float) -> str:
    """Return the page: a source that is down, a config that was refused, counters that grow with `age`."""
    grown = int(age) + 1
    available = {"loss": True, "queue_seconds": False}
    sources = (
        SourceView("rings", "ring", True, "", 0.01, now, grown, {"torn": grown}, available),
        SourceView("statsd", "statsd", False, "port in use", 0.01, now - 900.0, 0, {"malformed": grown}),
    )
    counted = dict.fromkeys(("written", "failures", "pruned"), grown)
    journal = JournalView(**counted, pending=1, dropped={"queue_full": grown}, incidents=5, size_bytes=4096)
    told = AlertmanagerView(
        "http://am-1:9093", sent=grown, failures=grown, refused=grown, pending=1, last_success=now - 9.0
    )
    shown = msgspec.structs.replace(
        pipeline.snapshot(now, sources, ready=True),
        journal=journal,
        fast_path=FastPathView((told,), dropped=grown),
        state_saved=now - 5.0,
        dropped={"series": grown},
    )
    status = ReloadStatus(successful=False, last_success=START)
    return metrics_page(shown, status, negotiate(""), False, LogOnce(logging.getLogger(__name__))).decode()


def _rank(rank: int) -> Iterator[Sample | Event]:
    """Rank 3 is slow, rank 1 is corrupted after a quarter, rank 2 stops at half time, rank 0 explodes at the end."""
    rng = random.Random(rank)
    fields = {"pid": str(4000 + rank), "host": f"host-{rank // 2}", "world_size": WORLD_SIZE}
    yield Event(EventKind.RUN_STARTED, RUN, str(rank), START, fields=fields)
    steps = SECONDS // STEP_SECONDS
    for step in range(1, steps // 2 if rank == 2 else steps):
        time = START + step * STEP_SECONDS + 0.01 * rank
        values = _step(rank, step, steps, rng)
        yield from (Sample(RUN, str(rank), signal, "", time, step, value) for signal, value in values.items())
        yield Sample(RUN, str(rank), "grad_norm", "h.0", time, step, 0.5 * values["grad_norm"])
        yield Sample(RUN, str(rank), "parameter_checksum", "h.0", time, step, 500.0 + step)
        if rank == 0 and step % 10 == 0:
            yield from (
                Sample(RUN, "0", signal, layer, time, step, rng.uniform(0.4, 0.5))
                for signal in _all_others(values, "gpu_", signals.server)
                for layer in ("", "h.0")
            )


def _step(rank: int, step: int, steps: int, rng: random.Random) -> dict[str, float]:
    growth = 1.3 ** max(0, step - steps + 60) if rank == 0 else 1.0
    checksum = 1000.0 + step + (1.0 if rank == 1 and step > steps // 4 else 0.0)
    return {
        "loss": 2.0 * math.exp(0.02 * rng.gauss(0.0, 1.0)) + growth - 1.0,
        "grad_norm": growth * math.exp(0.1 * rng.gauss(0.0, 1.0)),
        "learning_rate": 1e-3,
        "step_seconds": 2.0 + 0.01 * rng.random(),
        "compute_seconds": (1.5 if rank == 3 else 0.75) + 0.01 * rng.random(),
        "data_seconds": 0.1 + 0.01 * rng.random(),
        "tokens_per_second": 4096.0,
        "samples_per_second": 16.0,
        **({"parameter_checksum": checksum} if step % 5 == 0 else {}),
    }


def _all_others(known: Iterable[str], foreign: str, module: object) -> list[str]:
    """Return the catalogue's signals that are neither known, nor begin so, nor belong to a module of it."""
    left_out = {*known, *(one.name for one in vars(module).values() if isinstance(one, signals.Signal))}
    return [one.name for one in signals.ALL if one.name not in left_out and not one.name.startswith(foreign)]


def _storm() -> Iterator[Event]:
    for start in range(0, 1200, 240):
        yield Event(EventKind.RUN_STARTED, "storm", "0", START + start, fields={"world_size": "1", "pid": "1"})
        yield Event(EventKind.RUN_CRASHED, "storm", "0", START + start + 100)


def _server() -> Iterator[Sample]:
    """Three replicas; the third is slow, fails and gives out little from the beginning."""
    unlike = Server(rate=1.0, tokens_per_second=6.0, errors=0.3)
    for rank, server in zip("abc", (Server(), Server(), unlike), strict=True):
        rng = np.random.default_rng(ord(rank))
        for poll in range(1, int(SECONDS / POLL_SECONDS)):
            for _ in range(POLL_TICKS):
                server.tick(rng)
            values = server.poll()
            others = [one.name for one in vars(signals.server).values() if isinstance(one, signals.Signal)]
            values = {**dict.fromkeys(others, 0.5), **values}
            time = START + poll * POLL_SECONDS
            yield from (Sample(SERVER, rank, signal, "", time, None, value) for signal, value in values.items())
            yield Sample(SERVER, rank, "gpu_memory_utilization_ratio", "gpu0", time, None, 0.5)


def _other_gpu(times: Iterable[float]) -> Iterator[Sample]:
    """What no driver tells, but the DCGM exporter does."""
    for time in times:
        for signal in (one.name for one in signals.ALL if one.name.startswith("gpu_")):
            yield Sample("dcgm", "node-3", signal, "gpu0", time, None, 0.5)


def _every_fault() -> Pipeline:
    """Open each fault of a rank on a run of its own, as its diagnosis does when its detector is sure."""
    pipeline = _pipeline()
    for fault in faults.ALL:
        if fault.scope == "rank":
            _open(pipeline, fault)
    return pipeline


def _open(pipeline: Pipeline, fault: Fault) -> None:
    run = f"run with {fault.name}"
    newest = Sample(run, "0", (*fault.signals, "loss")[0], "", START, 1, 0.5)
    pipeline.observe([Event(EventKind.RUN_STARTED, run, "0", START - 1.0), newest], "ring")
    rank = pipeline.rank_of(newest)
    assert rank is not None
    verdict = firing(newest, "as the story wants it", 0.75)
    for step in range(1, 2 + fault.open_window):
        opened = rank.diagnosis.observe(fault, verdict, newest.signal, START + step, step)
        if opened is not None:
            rank.diagnosis.announce(opened)

"""What one sidecar takes in, and what it takes: `python -m tests.benchmarks.load [--quick]`, from the repository root.

Real sidecars (`runvitals serve`), fed through rings and StatsD by other processes of the same machine. CPU is the
process's own time as the kernel counts it, so that others on the machine change little; what is lost before it is taken
in does depend on them: those rates are lower bounds. Time to render is that of the thread, the contenders in turns.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from tests.benchmarks import rendering, statsd_throughput
from tests.benchmarks.usage import cpu_share, usage
from tests.servers import free_port, wait_until
from tests.test_serve import Sidecar, sidecar

SCRAPE_SECONDS = 15.0
SETTLE_SECONDS = 5.0
CATCH_UP_SECONDS = 3.0
"""Polls and snapshots come once a second, so that what is taken in is seen a second or two later."""
RANKS, SIGNALS = 8, 10
SIGNALS_OF_A_RANK = 100
QUIET_SECONDS = 3.0
RATES = (10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 120_000)
CONFIG = """
web: {{listen_address: '127.0.0.1:0'}}
sources: [{{kind: ring}}, {{kind: process}}, {{kind: statsd, udp: '127.0.0.1:{port}', max_lines: 1000000}}]
series: {{max_series: 20000, max_series_per_run: 20000, max_series_per_source: 20000}}
"""


class Effort(NamedTuple):
    """How long is measured: seconds of each rate, steps before the share is taken, its seconds, lines of the pages."""

    seconds: float
    prefill: int
    watched: float
    pages: tuple[int, ...]


QUICK = Effort(4.0, 80, 20.0, (1_000, 10_000))
FULL = Effort(10.0, 280, 60.0, (1_000, 10_000, 100_000))


class Intake(NamedTuple):
    """What became of samples that were offered: how many, how many were lost, and how long it went on after the last.

    CPU seconds are the sidecar's, of all its threads, its pages for this benchmark included.
    """

    sent: int
    lost: int
    behind: float
    cpu_seconds: float

    @property
    def kept_up(self) -> bool:
        """Whether nothing was lost, nor left for later: a backlog only puts the loss off."""
        return not self.lost and self.behind < CATCH_UP_SECONDS


class Scene(NamedTuple):
    """A sidecar, and where to send StatsD lines."""

    side: Sidecar
    statsd_port: int

    @property
    def pid(self) -> int:
        """The sidecar's process."""
        return self.side.process.pid

    @property
    def samples(self) -> int:
        """How many samples it has counted of the signals that are offered here."""
        lines = self.side.get("/metrics").splitlines()
        counted = (line for line in lines if line.startswith("runvitals_signal_samples_total{") and _is_offered(line))
        return sum(int(float(line.rpartition(" ")[2])) for line in counted)


def _is_offered(line: str) -> bool:
    return any(f'signal="{name}' in line for name in ('loss"', 'grad_norm"', "signal_"))


@contextmanager
def scene() -> Iterator[Scene]:
    """Run a sidecar in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "runs").mkdir()
        port = free_port()
        with (
            patch.dict(os.environ, {"RUNVITALS_RUNS_DIR": f"{name}/runs"}),
            sidecar(Path(name), CONFIG.format(port=port)) as side,
        ):
            yield Scene(side, port)


def rings(where: Scene, rate: float, seconds: float) -> Intake:
    """Offer so many samples a second through rings, ten a step on eight ranks."""
    with logging_ranks(RANKS, SIGNALS, 0, rate / (RANKS * SIGNALS), seconds) as sender:
        return _offered(where, sender)


def statsd(where: Scene, rate: float, seconds: float) -> Intake:
    """Offer so many datagrams a second, of one line each."""
    address = "127.0.0.1", str(where.statsd_port)
    command = [sys.executable, "-c", statsd_throughput.SENDER, *address, str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        return _offered(where, sender)


@contextmanager
def logging_ranks(
    ranks: int, signals: int, prefill: int, rate: float, seconds: float
) -> Iterator[subprocess.Popen[str]]:
    """Run `ring_load` once it has logged its first steps."""
    numbers = map(str, (ranks, signals, prefill, rate, seconds))
    command = [sys.executable, "-m", "tests.benchmarks.ring_load", *numbers]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "prefilled\n"
        try:
            yield sender
        finally:
            sender.kill()


def _offered(where: Scene, sender: subprocess.Popen[str]) -> Intake:
    assert sender.stdout is not None
    before = usage(where.pid).cpu_seconds
    sent = int(sender.stdout.readline())
    ended = grown = time.monotonic()
    taken = where.samples
    while taken < sent and time.monotonic() < grown + QUIET_SECONDS:
        time.sleep(0.2)
        if (now := where.samples) > taken:
            taken, grown = now, time.monotonic()
    return Intake(sent, sent - taken, grown - ended, usage(where.pid).cpu_seconds - before)


def intake(name: str, offer: Callable[[Scene, float, float], Intake], seconds: float) -> None:
    """Offer more and more, each time to a new sidecar, until one is left behind; print what became of it."""
    best = most = 0.0
    for rate in RATES:
        with scene() as where:
            took = offer(where, rate, seconds)
        a_core = (took.sent - took.lost) / took.cpu_seconds
        print(
            f"{name}: offered {rate:>7,}/s: sent {took.sent / seconds:>9,.0f}/s, lost {took.lost:,}, "
            f"{took.behind:.1f} s behind, {a_core:,.0f} for a CPU second",
            flush=True,
        )
        most = max(most, a_core)
        if not took.kept_up:
            break
        best = took.sent / seconds
    print(f"{name}: {best:,.0f} samples/s before the first loss or lag; {most:,.0f} for a CPU second", flush=True)


def share(signals: int, effort: Effort) -> None:
    """Print what so many signals take, each once a second, at one scrape in fifteen seconds."""
    ranks = signals // SIGNALS_OF_A_RANK
    with scene() as where, logging_ranks(ranks, SIGNALS_OF_A_RANK, effort.prefill, 1.0, 1e6):
        wait_until(lambda: where.samples >= signals * effort.prefill, "the first steps to be taken in", 1800.0)
        time.sleep(SETTLE_SECONDS)
        with scraping(where):
            cpu = cpu_share(where.pid, effort.watched)
        rss = usage(where.pid).rss_bytes
    print(f"{signals:,} signals/s: {cpu:.2%} of a core, {rss / 1e6:.0f} MB RSS", flush=True)


@contextmanager
def scraping(where: Scene) -> Iterator[None]:
    """Fetch the page as Prometheus does."""
    done = threading.Event()

    def scrape() -> None:
        while not done.wait(SCRAPE_SECONDS):
            where.side.get("/metrics")

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def start_up(repetitions: int = 3) -> None:
    """Print how long it takes from the command to the address that is served, to a tenth of a second."""
    seconds, cpu = [], []
    for _ in range(repetitions):
        began = time.monotonic()
        with scene() as where:
            seconds.append(time.monotonic() - began)
            cpu.append(usage(where.pid).cpu_seconds)
    print(f"start-up: {min(seconds):.1f} s, {min(cpu):.2f} s of CPU, until it serves", flush=True)


def pages(sizes: tuple[int, ...]) -> None:
    """Print what pages of these many lines take."""
    made = rendering.Pages()
    for size in sizes:
        took = rendering.compare(made.snapshot(size))
        milliseconds = [f"{seconds * 1e3:.1f} ms" for seconds in took[1:]]
        ratios = [f"{took.ours / seconds:.2f}" for seconds in took[2:]]
        print(
            f"a page of {took.series:,} series: {milliseconds[0]}; generate_latest of a registry {milliseconds[1]} "
            f"(ratio {ratios[0]}), of ready families {milliseconds[2]} (ratio {ratios[1]})",
            flush=True,
        )


PARTS: dict[str, Callable[[Effort], None]] = {
    "start": lambda effort: start_up(),
    "pages": lambda effort: pages(effort.pages),
    "share": lambda effort: [share(signals, effort) for signals in (1_000, 10_000)],
    "rings": lambda effort: intake("rings", rings, effort.seconds),
    "statsd": lambda effort: intake("StatsD", statsd, effort.seconds),
}


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, without the page of 100,000 series")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    arguments = parser.parse_args()
    for name, measure in PARTS.items():
        if name in (arguments.only or PARTS):
            measure(QUICK if arguments.quick else FULL)


if __name__ == "__main__":
    main()

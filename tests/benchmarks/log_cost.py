"""What `run.log` costs a training step, beside what people use for it today.

    python tests/benchmarks/log_cost.py

Each contender records the ten scalars of one step. They take turns within one process, and the CPU time of the thread
is counted, so that a busy machine slows all alike; the table shows the median of the rounds and ratios of medians. The
promises are: at most 0.6 of ten unlabelled `prometheus_client` gauge sets, and at most a sixth of ten
`.labels(run, rank).set()`.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from prometheus_client import CollectorRegistry, Gauge

import runvitals

ROUNDS, CALLS = 15, 2000
NAMES = ("loss", "grad_norm", "lr", "step_seconds", "tokens", "accuracy", "scale", "norm_w", "norm_b", "entropy")
UNLABELLED, LABELLED = "10 x Gauge.set", "10 x Gauge.labels(run, rank).set"
Contender = Callable[[int, float], None]
"""Records ten scalars of a step: the step, and a number to record."""


@contextmanager
def the_log(folder: str) -> Iterator[Contender]:
    """`run.log` with ten scalars by keyword, as a training script calls it."""
    with mock.patch.dict(os.environ, {"RUNVITALS_RUNS_DIR": folder}), runvitals.watch("benchmark") as run:

        def record(step: int, x: float) -> None:
            run.log(
                step=step,
                loss=x,
                grad_norm=x,
                lr=x,
                step_seconds=x,
                tokens=x,
                accuracy=x,
                scale=x,
                norm_w=x,
                norm_b=x,
                entropy=x,
            )

        yield record


@contextmanager
def the_log_of_a_mapping(folder: str) -> Iterator[Contender]:
    """`run.log` with ten scalars in a mapping, the general way."""
    with mock.patch.dict(os.environ, {"RUNVITALS_RUNS_DIR": folder}), runvitals.watch("mapping") as run:
        yield lambda step, x: run.log(dict.fromkeys(NAMES, x), step=step)


@contextmanager
def unlabelled_gauges(_: str) -> Iterator[Contender]:
    """Ten gauges without labels."""
    registry = CollectorRegistry()
    gauges = [Gauge(name, "a scalar", registry=registry) for name in NAMES]

    def record(_: int, x: float) -> None:
        for gauge in gauges:
            gauge.set(x)

    yield record


@contextmanager
def labelled_gauges(_: str) -> Iterator[Contender]:
    """Ten gauges with a run and a rank."""
    registry = CollectorRegistry()
    gauges = [Gauge(name, "a scalar", ["run", "rank"], registry=registry) for name in NAMES]

    def record(_: int, x: float) -> None:
        for gauge in gauges:
            gauge.labels("benchmark", "0").set(x)

    yield record


@contextmanager
def dogstatsd(folder: str) -> Iterator[Contender]:
    """One DogStatsD datagram with ten gauges, over a Unix socket to a receiver that takes all of them."""
    path = str(Path(folder) / "statsd.sock")
    with ExitStack() as stack:
        receiver = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sender = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        receiver.bind(path)
        receiver.setblocking(False)
        sender.connect(path)

        def record(_: int, x: float) -> None:
            lines = "\n".join([f"{name}:{x}|g|#run:benchmark,rank:0" for name in NAMES])
            sender.send(lines.encode())
            receiver.recv(65536)  # so that its buffer never fills

        yield record


@contextmanager
def tensorboard(folder: str) -> Iterator[Contender]:
    """Ten `add_scalar`s: PyTorch's SummaryWriter does the same around the same event writer."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(Path(folder) / "events"))

    def record(step: int, x: float) -> None:
        for name in NAMES:
            summary = Summary(value=[Summary.Value(tag=name, simple_value=x)])
            writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))

    try:
        yield record
    finally:
        writer.close()


CONTENDERS = {
    "run.log(step=..., 10 scalars)": the_log,
    "run.log({10 scalars}, step=...)": the_log_of_a_mapping,
    UNLABELLED: unlabelled_gauges,
    LABELLED: labelled_gauges,
    "DogStatsD datagram of 10": dogstatsd,
    "10 x TensorBoard add_scalar": tensorboard,
}


def microseconds_per_step() -> dict[str, float]:
    """Return the median cost of recording ten scalars, in microseconds of this thread's CPU time, by contender."""
    costs: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        contenders = {name: stack.enter_context(make(folder)) for name, make in CONTENDERS.items()}
        for name, record in contenders.items():
            costs[name].append(_one_round(record))  # the first round warms up and is left out
        for _ in range(ROUNDS):
            for name, record in contenders.items():
                costs[name].append(_one_round(record))
    return {name: statistics.median(rounds[1:]) for name, rounds in costs.items()}


def _one_round(record: Contender) -> float:
    numbers = [number * 0.37 for number in range(CALLS)]
    start = time.thread_time()
    for step, number in enumerate(numbers):
        record(step, number)
    return (time.thread_time() - start) / CALLS * 1e6


def main() -> None:
    """Print the table."""
    costs = microseconds_per_step()
    print(
        f"Python {sys.version.split()[0]}, CPU time of the calling thread, median of {ROUNDS} rounds of {CALLS} calls"
    )
    print(f"{'10 scalars of one step':<36}{'us':>8}{'/ unlabelled':>14}{'/ labelled':>12}")
    for name, cost in costs.items():
        print(f"{name:<36}{cost:>8.2f}{cost / costs[UNLABELLED]:>14.2f}{cost / costs[LABELLED]:>12.3f}")


if __name__ == "__main__":
    main()

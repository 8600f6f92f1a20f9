"""What `embedded.serve` costs the training beside it: `python -m tests.benchmarks.embedded_cost`.

Steps that log ten scalars each are made in turns with and without an exporter in the process. A step in Python holds
the interpreter's lock all the time; one in numpy lets go of it again and again, as work on a GPU does, and has to wait
for it each time. Compared are the step's wall time (median and mean over all turns) and what the process computes
beside the training thread. Starting the exporter, once, is told apart.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np

import runvitals

TURNS = 6
TURN_SECONDS = 3.0
SETTLE_SECONDS = 1.0
MATRIX = np.random.default_rng(0).random((320, 320))


def python_step(repetitions: int) -> None:
    total = 0
    for number in range(70_000 * repetitions):
        total += number & 7


def numpy_step(repetitions: int) -> None:
    for _ in range(3 * repetitions):
        MATRIX @ MATRIX


def turn(name: str, step: Callable[[], None], *, is_watched: bool) -> tuple[list[float], float]:
    """Return the seconds of each step, and the share of a core that others in this process took meanwhile."""
    seconds: list[float] = []
    exporter = runvitals.embedded.serve("127.0.0.1:0") if is_watched else contextlib.nullcontext()
    with exporter, runvitals.watch(name) as run:
        time.sleep(SETTLE_SECONDS)
        began, others = time.perf_counter(), time.process_time() - time.thread_time()
        while (moment := time.perf_counter()) - began < TURN_SECONDS:
            step()
            run.log({f"signal_{index}": moment * index for index in range(9)}, step=len(seconds), loss=1.0)
            seconds.append(time.perf_counter() - moment)
        return seconds, (time.process_time() - time.thread_time() - others) / (time.perf_counter() - began)


def measure(name: str, step: Callable[[], None]) -> None:
    seconds: dict[bool, list[float]] = {False: [], True: []}
    shares: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * TURNS):
        is_watched = number % 2 == 1
        taken, share = turn(f"{name}-{number}", step, is_watched=is_watched)
        seconds[is_watched] += taken
        shares[is_watched].append(share)
    beside = statistics.mean(shares[True]) - statistics.mean(shares[False])
    for statistic in (statistics.median, statistics.mean):
        before, after = (statistic(seconds[which]) * 1e3 for which in (False, True))
        print(f"{name:14} {statistic.__name__:6} {before:.3f} -> {after:.3f} ms ({after / before:.3f} x)")
    print(f"{name:14} the exporter computes {beside:.1%} of a core", flush=True)


def main() -> None:
    """Measure both kinds of step, short and long."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNVITALS_RUNS_DIR"] = folder
        began = time.perf_counter()
        runvitals.embedded.serve("127.0.0.1:0").stop()
        print(f"starting and stopping it for the first time: {time.perf_counter() - began:.2f} s")
        for repetitions in (1, 10):
            measure(f"python x {repetitions}", lambda repetitions=repetitions: python_step(repetitions))
            measure(f"numpy x {repetitions}", lambda repetitions=repetitions: numpy_step(repetitions))


if __name__ == "__main__":
    main()

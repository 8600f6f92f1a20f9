"""Writes rings as training processes would: `python -m tests.benchmarks.ring_load RANKS SIGNALS PREFILL RATE SECONDS`.

Each rank logs all its signals a step; `PREFILL` steps are logged first, at PREFILL_RATE steps a second, then RATE steps
a second for so many seconds. Prints "prefilled" when that is done, and how many samples were logged at the end. The
runs are finished once standard input is closed.
"""

from __future__ import annotations

import random
import sys
import time

import runvitals

PREFILL_RATE = 20.0
RUN = "load"


class RingLoad:
    """So many ranks with so many signals each."""

    def __init__(self, ranks: int, signals: int) -> None:
        self.names = ("loss", "grad_norm", *(f"signal_{number}" for number in range(signals - 2)))
        self.runs = [runvitals.watch(RUN, rank=rank) for rank in range(ranks)]
        self.step = 0
        self._draws = [random.Random(1).lognormvariate(0.0, 0.2) for _ in range(9973)]

    @property
    def samples(self) -> int:
        """How many samples have been logged."""
        return self.step * len(self.runs) * len(self.names)

    def log_step(self) -> None:
        """Log one step of every rank."""
        for rank, run in enumerate(self.runs):
            start = (self.step * 31 + rank * 17) % (len(self._draws) - len(self.names))
            run.log(dict(zip(self.names, self._draws[start:], strict=False)), step=self.step)
        self.step += 1

    def log_for(self, steps: float, rate: float) -> None:
        """Log so many steps at `rate` a second; late ones are made up for."""
        first, began = self.step, time.monotonic()
        while self.step - first < steps:
            while self.step - first < min(steps, rate * (time.monotonic() - began)):
                self.log_step()
            time.sleep(min(0.002, 1.0 / rate))


def main() -> None:
    """Log as the arguments say."""
    ranks, signals, prefill = map(int, sys.argv[1:4])
    rate, seconds = map(float, sys.argv[4:6])
    load = RingLoad(ranks, signals)
    load.log_for(prefill, PREFILL_RATE)
    print("prefilled", flush=True)
    load.log_for(rate * seconds, rate)
    print(load.samples, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

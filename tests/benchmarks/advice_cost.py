"""What `run.advice()` costs beside reading a clock: `python -m tests.benchmarks.advice_cost`."""

from __future__ import annotations

import os
import tempfile
import timeit
from time import monotonic

import runvitals

CALLS = 1_000_000


def main() -> None:
    """Print nanoseconds for each call."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNVITALS_RUNS_DIR"] = folder
        with runvitals.watch("cost") as run:
            for name, call in (("time.monotonic()", monotonic), ("run.advice()", run.advice)):
                best = min(timeit.repeat(call, number=CALLS, repeat=5)) / CALLS
                print(f"{name:18} {best * 1e9:6.0f} ns")


if __name__ == "__main__":
    main()

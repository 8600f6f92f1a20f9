"""What one observation costs, from the pipeline's door to its finding, beside single z-scores of others.

Run from the repository root: `python -m tests.benchmarks.observation_cost`. CPU time of the calling thread, the
contenders interleaved round by round, so that a busy machine slows all alike. Then what 10,000 series at one sample a
second take of a core, and what one series takes of memory. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from runvitals.catalogue.signals import GRAD_NORM, LOSS
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import Sample
from tests.benchmarks import peers
from tests.benchmarks.many_series import bytes_per_series, shares
from tests.benchmarks.peers import WINDOW, Round

ROUNDS, VALUES = 15, 2000
SLOW_VALUES = 300
"""Of a round of what takes long for one value."""

RIVER = "river: rolling mean and variance, z"


def ours(signal: str) -> Round:
    """All that a sample of this signal goes through: series, scores, alert, every default detector, diagnosis."""
    pipeline = Pipeline(SeriesSettings(window=WINDOW), RankSettings(), resolve({}))
    pipeline.observe([Sample("run", "0", LOSS.name, "", -1.0, -1, 1.0)], "benchmark")  # steps are those of the loss

    def begin(place: int, values: Sequence[float]) -> Callable[[], None]:
        items = [Sample("run", "0", signal, "", float(at), at, value) for at, value in enumerate(values, place)]
        return lambda: pipeline.observe(items, "benchmark")

    return begin


def our_window() -> Round:
    """The rolling window alone."""
    return peers.one_by_one(RollingWindow(WINDOW).push)


CONTENDERS: dict[str, Callable[[], Round | None]] = {
    "runvitals: any signal": partial(ours, "temperature"),
    "runvitals: loss": partial(ours, LOSS.name),
    "runvitals: grad_norm": partial(ours, GRAD_NORM.name),
    "its rolling window alone": our_window,
    RIVER: peers.river_rolling,
    "plain Welford, unbounded: z": peers.plain_welford,
    "numpy over a deque: z": peers.numpy_window,
    "pandas rolling over a deque: z": peers.pandas_rolling,
    "pandas rolling, whole file: z": peers.pandas_whole_file,
    "ads-evt SPOT: threshold": peers.spot,
}
SLOW = {"pandas rolling over a deque: z", "ads-evt SPOT: threshold"}


def microseconds(rounds: int = ROUNDS, count: int = VALUES) -> dict[str, float]:
    """Return the median CPU time of one observation, in microseconds, by contender; absent where not installed."""
    contenders = {name: made for name, make in CONTENDERS.items() if (made := make()) is not None}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    rng = random.Random(1)
    for turn in range(rounds + 1):
        values = [rng.lognormvariate(0.0, 0.2) for _ in range(count)]
        for name, begin in contenders.items():
            shown = values[:SLOW_VALUES] if name in SLOW else values
            run = begin(turn * count, shown)
            start = time.thread_time()
            run()
            costs[name].append((time.thread_time() - start) / len(shown) * 1e6)
    return {name: statistics.median(each[1:]) for name, each in costs.items()}


def main() -> None:
    """Print the table."""
    costs = microseconds()
    print(f"Python {sys.version.split()[0]}, window {WINDOW}, CPU time, median of {ROUNDS} rounds of {VALUES} values")
    print(f"{'one observation':<36}{'us':>9}{'/ river':>10}")
    for name in CONTENDERS:
        if name in costs:
            ratio = f"{costs[name] / costs[RIVER]:>10.2f}" if RIVER in costs else ""
            print(f"{name:<36}{costs[name]:>9.2f}{ratio}")
        else:
            package = peers.INSTALL[name.split()[0].rstrip(":")]
            print(f"{name:<36}  skipped: pip install {package}")
    print_many(10_000)


def print_many(series: int) -> None:
    """Print what so many series take."""
    taken = shares(series, warm_up=WINDOW + 64, seconds=30)
    print(
        f"{series:,} series at one sample a second, shares of a core: {sum(taken):.1%} "
        f"(samples {taken.observing:.1%}, snapshots {taken.snapshots:.1%}, a scrape every 15 s {taken.scrapes:.1%})"
    )
    print(f"memory of a series with its window full: {bytes_per_series(200, 2 * WINDOW) / 1000:.1f} kB")


if __name__ == "__main__":
    main()

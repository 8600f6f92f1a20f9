"""What one observation costs, from the pipeline's door to its finding, beside single z-scores of others.

Run from the repository root: `python -m tests.benchmarks.observation_cost`. CPU time of the calling thread, the
contenders interleaved round by round, so that a busy machine slows all alike. Then what 10,000 series at one sample a
second take of a core, and what one series takes of memory. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial

from runvitals.catalogue.signals import GRAD_NORM, LOSS
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import Sample
from tests.benchmarks import peers
from tests.benchmarks.many_series import SCRAPE_SECONDS, bytes_per_series, seconds_of, shares
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


def microseconds(rounds: int = ROUNDS, count: int = VALUES) -> dict[str, list[float]]:
    """Return the CPU time of one observation in each round, in microseconds, by contender that is installed."""
    contenders = {name: made for name, make in CONTENDERS.items() if (made := make()) is not None}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    rng = random.Random(1)
    for turn in range(rounds + 1):
        values = [rng.lognormvariate(0.0, 0.2) for _ in range(count)]
        for name, begin in contenders.items():
            shown = values[:SLOW_VALUES] if name in SLOW else values
            run = begin(turn * count, shown)
            costs[name].append(seconds_of(run) / len(shown) * 1e6)
    return {name: each[1:] for name, each in costs.items()}  # the first round warms up


def table(costs: dict[str, list[float]]) -> str:
    """Return a line for each contender: the median cost, and the median of its ratios to river's in the same round."""
    lines = [f"{'one observation':<36}{'us':>9}{'/ river':>10}"]
    for name in CONTENDERS:
        if name not in costs:
            lines.append(f"{name:<36}  skipped: pip install {peers.INSTALL[name.split()[0].rstrip(':')]}")
            continue
        ratios = [one / river for one, river in zip(costs[name], costs.get(RIVER, ()), strict=False)]
        ratio = f"{statistics.median(ratios):>10.2f}" if ratios else ""
        lines.append(f"{name:<36}{statistics.median(costs[name]):>9.2f}{ratio}")
    return "\n".join(lines)


def many(series: int, seconds: int = 30) -> str:
    """Return what so many series take of a core and of memory."""
    taken = shares(series, warm_up=WINDOW + 64, seconds=seconds)
    return (
        f"{series:,} series at one sample a second: {sum(taken):.1%} of a core (samples {taken.observing:.1%}, "
        f"snapshots {taken.snapshots:.1%}, a scrape every {SCRAPE_SECONDS} s {taken.scrapes:.1%})\n"
        f"memory of one with its window full: {bytes_per_series(200, 2 * WINDOW) / 1000:.1f} kB"
    )


def main() -> None:
    """Print the figures."""
    print(f"Python {sys.version.split()[0]}, window {WINDOW}, CPU time, median of {ROUNDS} rounds of {VALUES} values")
    print(table(microseconds()), flush=True)
    print(many(10_000))


if __name__ == "__main__":
    main()

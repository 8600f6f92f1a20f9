"""What one observation of a series costs: its statistics and its anomaly score, beside single z-scores of others.

Run from the repository root: `python -m tests.benchmarks.observation_cost`. CPU time of the calling thread, the
contenders interleaved. river (`pip install river`) is left out where it is not installed.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from math import sqrt

import numpy as np

from runvitals.series import Series, SeriesSettings, SeriesStore
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import Sample

WINDOW, ROUNDS, VALUES = 256, 15, 2000
OURS, RIVER = "series with anomaly score", "river rolling mean and variance"
Contender = Callable[[int, float], object]


def our_series() -> Contender:
    """Everything that one sample goes through in its series: admission, window, z-score, anomaly score, alert."""
    settings = SeriesSettings(window=WINDOW)
    store = SeriesStore(settings)
    series: Series | None = store.get(Sample("run", "0", "loss", "", 0.0, 0, 0.0), "benchmark")
    assert series is not None
    return lambda step, value: series.admit(Sample("run", "0", "loss", "", float(step), step, value), settings)


def our_window() -> Contender:
    """The rolling window alone."""
    window = RollingWindow(WINDOW)
    return lambda _, value: window.push(value)


def river_rolling() -> Contender | None:
    """river's mean and variance of a rolling window, and the z-score from them."""
    try:
        from river import stats, utils
    except ImportError:
        return None
    mean = utils.Rolling(stats.Mean, window_size=WINDOW)
    variance = utils.Rolling(stats.Var, window_size=WINDOW)

    def observe(_: int, value: float) -> float:
        deviation = sqrt(variance.get())
        score = (value - mean.get()) / deviation if deviation else 0.0
        mean.update(value)
        variance.update(value)
        return score

    return observe


def plain_welford() -> Contender:
    """Mean and variance of all values (Welford), and the z-score."""
    count, mean, squares = 0, 0.0, 0.0

    def observe(_: int, value: float) -> float:
        nonlocal count, mean, squares
        score = (value - mean) / sqrt(squares / (count - 1)) if count > 1 and squares else 0.0
        count += 1
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
        return score

    return observe


def numpy_window() -> Contender:
    """A deque made an array for each value: the usual callback idiom."""
    values: deque[float] = deque(maxlen=WINDOW)

    def observe(_: int, value: float) -> float:
        past = np.array(values)
        score = (value - past.mean()) / past.std() if len(past) > 1 else 0.0
        values.append(value)
        return float(score)

    return observe


CONTENDERS: dict[str, Callable[[], Contender | None]] = {
    OURS: our_series,
    "rolling window alone": our_window,
    RIVER: river_rolling,
    "plain Welford, unbounded": plain_welford,
    "numpy over a deque": numpy_window,
}


def microseconds() -> dict[str, float]:
    """Return the median CPU time of one observation, in microseconds, by contender."""
    contenders = {name: made for name, make in CONTENDERS.items() if (made := make()) is not None}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    rng = random.Random(1)
    for turn in range(ROUNDS + 1):
        values = [rng.lognormvariate(0.0, 0.2) for _ in range(VALUES)]
        for name, observe in contenders.items():
            start = time.thread_time()
            for place, value in enumerate(values, turn * VALUES):
                observe(place, value)
            costs[name].append((time.thread_time() - start) / VALUES * 1e6)
    return {name: statistics.median(rounds[1:]) for name, rounds in costs.items()}


def main() -> None:
    """Print the table."""
    costs = microseconds()
    print(f"Python {sys.version.split()[0]}, window {WINDOW}, CPU time, median of {ROUNDS} rounds of {VALUES} values")
    print(f"{'one observation':<36}{'us':>8}{'/ river':>10}")
    for name, cost in costs.items():
        print(f"{name:<36}{cost:>8.2f}" + (f"{cost / costs[RIVER]:>10.2f}" if RIVER in costs else ""))


if __name__ == "__main__":
    main()

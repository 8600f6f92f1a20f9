"""What others offer for one series of values, each as its documentation shows it: peers in the benchmark of cost.

A peer that is not installed is None; `INSTALL` says what to install.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np

WINDOW = 256
INSTALL = {"river": "river", "pandas": "pandas", "ads-evt": "ads-evt"}
Observe = Callable[[float], object]
Round = Callable[[int, Sequence[float]], Callable[[], object]]
"""Given the place of the first value and values, returns what takes them all in: only that is timed."""


def one_by_one(observe: Observe) -> Round:
    """Show a peer the values one after the other."""

    def begin(_: int, values: Sequence[float]) -> Callable[[], None]:
        def run() -> None:
            for value in values:
                observe(value)

        return run

    return begin


def river_rolling() -> Round | None:
    """river's mean and variance of a rolling window, and the z-score from them."""
    try:
        from river import stats, utils
    except ImportError:
        return None
    mean = utils.Rolling(stats.Mean, window_size=WINDOW)
    variance = utils.Rolling(stats.Var, window_size=WINDOW)

    def observe(value: float) -> float:
        deviation = sqrt(variance.get())
        score = (value - mean.get()) / deviation if deviation else 0.0
        mean.update(value)
        variance.update(value)
        return score

    return one_by_one(observe)


def plain_welford() -> Round:
    """Mean and variance of all values (Welford), and the z-score."""
    count, mean, squares = 0, 0.0, 0.0

    def observe(value: float) -> float:
        nonlocal count, mean, squares
        score = (value - mean) / sqrt(squares / (count - 1)) if count > 1 and squares else 0.0
        count += 1
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
        return score

    return one_by_one(observe)


def numpy_window() -> Round:
    """A deque made an array for each value: the usual callback idiom."""
    values: deque[float] = deque(maxlen=WINDOW)

    def observe(value: float) -> float:
        past = np.array(values)
        score = (value - past.mean()) / past.std() if len(past) > 1 else 0.0
        values.append(value)
        return float(score)

    return one_by_one(observe)


def pandas_rolling() -> Round | None:
    """A deque made a Series for each value, the newest of its rolling mean and deviation taken."""
    try:
        import pandas
    except ImportError:
        return None
    values: deque[float] = deque(maxlen=WINDOW)

    def observe(value: float) -> float:
        values.append(value)
        rolling = pandas.Series(values).rolling(WINDOW)
        return float((value - rolling.mean().iloc[-1]) / rolling.std().iloc[-1])

    return one_by_one(observe)


def pandas_whole_file() -> Round | None:
    """pandas' rolling mean and deviation over all values at once: a recorded file allows that, a stream does not."""
    try:
        import pandas
    except ImportError:
        return None

    def begin(_: int, values: Sequence[float]) -> Callable[[], object]:
        series = pandas.Series(values)

        def run() -> object:
            rolling = series.rolling(WINDOW)
            return (series - rolling.mean()) / rolling.std()

        return run

    return begin


def spot() -> Round | None:
    """ads-evt's SPOT (extreme value theory, one-sided), calibrated on the round before; only its run is timed."""
    try:
        from ads_evt import SPOT
    except ImportError:
        return None
    before: list[float] = [1.0 + 0.001 * place for place in range(1000)]

    def begin(_: int, values: Sequence[float]) -> Callable[[], object]:
        detector = SPOT(q=1e-3)
        detector.fit(before[-1000:], list(values))
        detector.initialize()
        before[:] = values
        return detector.run

    return begin

"""Healthy streams of very different shape: what the score must stay calibrated on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Stream = NDArray[np.float64]


def autoregressive(noise: Stream, coefficient: float) -> Stream:
    """x_t = coefficient x_{t-1} + noise_t."""
    values = np.empty_like(noise)
    last = 0.0
    for place, one in enumerate(noise.tolist()):
        last = coefficient * last + one
        values[place] = last
    return values


def seasonal(rng: Generator, n: int) -> Stream:
    """Two periods, one longer than the window, and noise."""
    time = np.arange(n)
    return 10.0 + 3.0 * np.sin(time * 2 * np.pi / 1440) + np.sin(time * 2 * np.pi / 60) + rng.normal(size=n)


def daily(rng: Generator, n: int) -> Stream:
    """A server's load, one value a second: high by day, low at night, up within an hour in the morning."""
    hour = np.arange(n) % 86_400 / 3600.0
    by_day = 1.0 / (1.0 + np.exp((8.0 - hour) * 4.0)) - 1.0 / (1.0 + np.exp((20.0 - hour) * 2.0))
    return 20.0 + 80.0 * by_day + rng.normal(scale=3.0, size=n)


def bursty(rng: Generator, n: int) -> Stream:
    """Noise that is ten times as wide for a while, about a tenth of the time."""
    lengths = rng.geometric(1 / 200, size=n // 50 + 10)
    is_burst = np.repeat(rng.random(lengths.size) < 0.1, lengths)[:n]
    return rng.normal(size=n) * np.where(is_burst, 10.0, 1.0)


def mostly_constant(rng: Generator, n: int) -> Stream:
    """Zero, but for one value in a hundred."""
    return np.where(rng.random(n) < 0.01, rng.normal(5.0, 1.0, size=n), 0.0)


def quantised(rng: Generator, n: int) -> Stream:
    """Normal values logged with few digits."""
    return np.round(rng.normal(size=n))


def declining(rng: Generator, n: int) -> Stream:
    """A loss: falling as a power of the step, with noise that shrinks with it."""
    return 2.0 + 8.0 * (1.0 + np.arange(n) / 300.0) ** -0.5 * np.exp(rng.normal(scale=0.03, size=n))


def counter(rng: Generator, n: int) -> Stream:
    """A total of exponential increments."""
    return np.cumsum(rng.exponential(size=n))


STREAMS: dict[str, Callable[[Generator, int], Stream]] = {
    "gaussian": lambda rng, n: rng.normal(size=n),
    "student t3": lambda rng, n: rng.standard_t(3, size=n),
    "cauchy": lambda rng, n: rng.standard_cauchy(size=n),
    "log-normal": lambda rng, n: np.exp(rng.normal(size=n)),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "uniform ratio": lambda rng, n: rng.random(n),
    "quantised": quantised,
    "seasonal": seasonal,
    "daily": daily,
    "trending": lambda rng, n: 0.01 * np.arange(n) + rng.normal(size=n),
    "declining loss": declining,
    "AR(1) 0.9": lambda rng, n: autoregressive(rng.normal(size=n), 0.9),
    "bursty": bursty,
    "mostly constant": mostly_constant,
    "counter": counter,
}

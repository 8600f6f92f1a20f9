"""Alarm rules that others published, by their definitions; values that are not finite are passed over."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

Alarms = Callable[[Sequence[float]], set[int]]
"""The places in a series of values at which a rule alarms."""


def always(values: Sequence[float]) -> set[int]:
    """Alarm at every value."""
    return set(range(len(values)))


def never(_: Sequence[float]) -> set[int]:
    """Never alarm."""
    return set()


def deviations(window: int, sigma: float, minimum: int = 64) -> Alarms:
    """Mean and standard deviation of a trailing window, the newest value excluded, one-sided high."""

    def rule(values: Sequence[float]) -> set[int]:
        return _over_window(values, window, minimum, lambda value, past: value > past.mean() + sigma * past.std(ddof=1))

    return rule


def absolute_deviations(window: int, score: float, minimum: int = 64) -> Alarms:
    """Median and median absolute deviation of a trailing window, the newest value excluded, one-sided high."""

    def is_far(value: float, past: np.ndarray) -> bool:
        middle = np.median(past)
        return bool(0.6745 * (value - middle) > score * np.median(np.abs(past - middle)))

    return lambda values: _over_window(values, window, minimum, is_far)


def zclip(values: Sequence[float], decay: float = 0.97, limit: float = 2.5, warmup: int = 25) -> set[int]:
    """ZClip (arXiv 2504.02507) on gradient norms: z against moving averages that take in the clipped value."""
    alarms: set[int] = set()
    start: list[float] = []
    mean = variance = 0.0
    for at, value in _finite(values):
        if len(start) < warmup:
            start.append(value)
            mean, variance = float(np.mean(start)), float(np.var(start))
            continue
        deviation = math.sqrt(variance)
        zscore = (value - mean) / deviation if deviation > 0.0 else 0.0
        if zscore > limit:
            alarms.add(at)
            value = mean + limit * limit / zscore * deviation  # noqa: PLW2901  # the clipped value takes its place
        variance = decay * variance + (1.0 - decay) * (value - mean) ** 2
        mean = decay * mean + (1.0 - decay) * value
    return alarms


def kill_loss_spike(
    values: Sequence[float], patience: int = 4, factor: float = 2.0, highest_cap: float = 10.0
) -> set[int]:
    """KillLossSpike of llm-foundry: twice the window's mean more than four times in a row, or half a window too high.

    The window is a twentieth of the run, at least 100 steps; too high is above the first window's maximum, at most 10.
    """
    size = max(100, len(values) // 20)
    window: deque[float] = deque(maxlen=size)
    alarms: set[int] = set()
    outliers, cap = 0, highest_cap
    for at, value in _finite(values):
        if len(window) == size:
            cap = min(cap, max(window)) if at == size else cap
            outliers = outliers + 1 if value >= factor * sum(window) / size else 0
            is_high = at > 2 * size and 2 * sum(loss > cap for loss in window) >= size
            if outliers > patience or is_high:
                alarms.add(at)
        window.append(value)
    return alarms


def _over_window(
    values: Sequence[float], window: int, minimum: int, is_far: Callable[[float, np.ndarray], bool]
) -> set[int]:
    kept = list(_finite(values))
    finite = np.array([value for _, value in kept])
    return {
        at
        for place, (at, value) in enumerate(kept)
        if place >= minimum and is_far(value, finite[max(0, place - window) : place])
    }


def _finite(values: Sequence[float]) -> list[tuple[int, float]]:
    return [(at, value) for at, value in enumerate(values) if math.isfinite(value)]

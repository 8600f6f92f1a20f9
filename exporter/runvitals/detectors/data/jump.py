"""How far a value stands out from the window of its series, at hardly any cost."""

from __future__ import annotations

from math import isfinite, log

from runvitals.series import Series
from runvitals.stats.rolling_window import RollingWindow

NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""

NORMAL_TAIL = 2.054
"""Its 98th percentile."""

SMALLEST_SCALE = 0.01
"""Values that were rounded, or constant for a while, count as spread at least so far; of logarithms, 1 %."""


def jump(value: float, series: Series, minimum_ratio: float) -> float | None:
    """Return by how many robust standard deviations a value lies above the median of the series' window.

    On the logarithm where the window is above 0. The deviation is the larger of what the quartiles and the 98th
    percentile tell, so that a heavy tail counts. 0 for what is not above `minimum_ratio` times the 98th percentile;
    None while the window is not warm, or where a value that is not finite cannot be compared.
    """
    window = series.baseline.window
    if len(window) < series.baseline.minimum or not isfinite(value):
        return None
    rare = window.quantile(0.98) or 0.0
    if value <= max(rare, rare * minimum_ratio):
        return 0.0
    return _standardised(value, window, rare)


def _standardised(value: float, window: RollingWindow, rare: float) -> float:
    low, median, high = (window.quantile(share) or 0.0 for share in (0.25, 0.5, 0.75))
    if window.ordered[0] > 0.0:
        value, rare, low, median, high = log(value), log(rare), log(low), log(median), log(high)
        floor = SMALLEST_SCALE
    else:
        floor = SMALLEST_SCALE * max(abs(low), abs(high)) or SMALLEST_SCALE
    scale = max((high - low) / NORMAL_IQR, (rare - median) / NORMAL_TAIL, floor)
    return min((value - median) / scale, 1e6)

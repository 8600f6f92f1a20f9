"""How far a value stands out from the window of its series, at hardly any cost."""

from __future__ import annotations

from math import isfinite, log

from runvitals.series import Series
from runvitals.stats.rolling_window import RollingWindow

NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""

LONG_TAIL = 3.0
"""Standard deviations up to which the 98th percentile may lie above the median; a normal distribution's is at 2.05. A
tail that is longer, as of a converged run with single examples, counts as spread."""

RARE = 0.98
"""What lies above this quantile of the window happens less than every fifty values."""

SMALLEST_SCALE = 0.01
"""Values that were rounded, or constant for a while, count as spread at least so far; of logarithms, 1 %."""


def jump(value: float, series: Series, minimum_ratio: float) -> float | None:
    """Return by how many robust standard deviations a value lies above the median of the series' window.

    On the logarithm where the window's lower quartile is above 0; on the values themselves where some are below 0. The
    result is 0 for what is not above `minimum_ratio` times the 98th percentile, and where a quarter of the window is 0,
    as in a run that has converged and was rounded: there is no scale then. None while the window is not warm, or for a
    value that is not finite. The deviation is that of the quartiles, or of the upper tail where this is long.
    """
    window = series.baseline.window
    if len(window) < series.baseline.minimum or not isfinite(value):
        return None
    ordered = window.ordered
    if ordered[0] >= 0.0 and value <= ordered[int(RARE * (len(ordered) - 1))]:  # which the quantile is not below
        return 0.0
    rare = window.quantile(RARE) or 0.0
    if value <= max(rare, rare * minimum_ratio):
        return 0.0
    return _standardised(value, rare, window)


def _standardised(value: float, rare: float, window: RollingWindow) -> float:
    low, median, high = (window.quantile(share) or 0.0 for share in (0.25, 0.5, 0.75))
    floor = SMALLEST_SCALE
    if low > 0.0:
        value, low, median, high, rare = log(value), log(low), log(median), log(high), log(rare)
    elif window.ordered[0] < 0.0:
        floor *= max(abs(low), abs(high)) or 1.0
    else:
        return 0.0
    scale = max((high - low) / NORMAL_IQR, (rare - median) / LONG_TAIL, floor)
    return min((value - median) / scale, 1e6)

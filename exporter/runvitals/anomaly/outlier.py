"""How many standard deviations out one value lies, where that is more than what comes all the time."""

from __future__ import annotations

from math import exp, isnan

import msgspec

from runvitals.stats.order import median, median_absolute_deviation
from runvitals.stats.rolling_window import RollingWindow

_NORMAL_THIRD = 1.9585  # what 2.5 % of normal values exceed, in standard deviations
_THIRD_DECADES = 1.6  # -log10 of those 2.5 %
_DECADE = 1.2877  # standard deviations from what 25 % of normal values exceed to what 2.5 % do
_USUAL_SHARE = 0.01
_STEP = 0.05  # of the logarithm: a few outliers close to each other do not raise the bar, dozens do
_UP, _DOWN = exp(_STEP), exp(-_STEP * _USUAL_SHARE)
_CLEARLY = 1.25  # times what is usual: of what comes often, the larger half must not stand out either
_START, _HIGHEST = 3.0, 1e6
_NEWEST = 128  # values: as many as OLMo-core skips steps by, and half the window
_MAD_TO_SIGMA = 1.4826
_FLOOR = 0.25

NEAR = 2.0
"""What is not even so many deviations out need not be observed: no usual distance is smaller."""


class Outlier(msgspec.Struct):
    """What distance from the local level is beyond the usual, in one direction.

    A calibrated score cannot be the alarm for what happens every few hundred values: it learns that this happens. So
    the distance is compared with the body of the distribution alone. A deviation counts as the larger of the local one
    and what it would be for normal values of which 2.5 % lie as far out as of these: heavy tails raise the bar, the
    rare outliers themselves do not.

    `usual` is the distance that one value in a hundred exceeds, learned step by step as a quantile (Robbins and
    Monro, Ann. Math. Statist. 22, 1951): what comes more often than that is not beyond the usual, nor what exceeds it
    by less than a quarter.
    """

    usual: float = _START
    at: int = 0

    def observe(self, distance: float, third: float, seen: int) -> float:
        """Return the standardised distance if it is beyond the usual, else 0, and learn from it.

        `distance`: in local standard deviations, above `NEAR`; `third`: the distance that 2.5 % of the values exceed;
        `seen`: how many values there were on either side, up to this one.
        """
        standardised = distance * _NORMAL_THIRD / third if third > _NORMAL_THIRD else distance
        usual = max(self.usual * _DOWN ** (seen - self.at), NEAR)
        self.at = seen
        self.usual = min(usual * _UP, _HIGHEST) if standardised > usual else usual
        return standardised if standardised > _CLEARLY * usual else 0.0


def robust_zscore(value: float, window: RollingWindow) -> float:
    """Return (value - median) / robust deviation of the newest values of the window; 0 where they have no spread.

    A second look at what the first called far out: at the values as they are where that looked at their logarithms,
    and in units that no outlier has moved, nor noise of long ago. The deviation is 1.4826 MAD, at least a quarter of
    the window's standard deviation. Infinite where no float holds it. It sorts, so it is for the few values that call
    for it.
    """
    newest = sorted(window.values()[-_NEWEST:])
    middle = median(newest)
    deviation = max(_MAD_TO_SIGMA * median_absolute_deviation(newest, middle), _FLOOR * (window.stddev or 0.0))
    distance = (value - middle) / deviation if deviation else 0.0
    return 0.0 if isnan(distance) else distance


def decades(distance: float) -> float:
    """Return -log10 p of a standardised distance beyond what 2.5 % exceed, on an exponential tail; 4.7 for 6."""
    return _THIRD_DECADES + (distance - _NORMAL_THIRD) / _DECADE

"""One tail of a statistic around zero, learned value by value, and how rare a value at least as large is."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p

from runvitals.stats.clip import clip

_LN10 = log(10.0)
_DECADES = 0.6  # -log10 of the share above the first quantile
_SHARE = 2.0 * 10.0**-_DECADES  # of the values on this side of zero, which are taken for half of all
_BELOW = 1.0 - _SHARE
_NORMAL = 0.6708, 1.4089, 1.9585  # quantiles of the standard normal above which such shares of all values lie
_BEYOND = 10.0**-0.5  # share of the values above one quantile that lie above the next
_HALF_DECADE = 0.5 * _LN10
_SLOWEST = 0.003  # share of the tail's width that one value may move a quantile, once much has been seen
_SETTLED = 950  # values after which the first quantile moves at that pace
_SECOND_SETTLED = 2566  # the same for the outer ones, and for the shape at three times the pace
_THIRD_SETTLED = 7133
_SHAPE_SETTLED = 1477
_RARE = 2.5  # decades from which on a value counts a tenth: a real anomaly is not what the tail is made of
_RARE_WEIGHT = 0.1
_WIDTH_FLOOR = 1e-3
_GAP_FLOOR = 1e-4
_LARGEST_SHAPE = 2.0
_NARROWEST = 0.5  # where rounded or mostly equal values put the quantiles together; normal ones are 1.29 apart


@dataclass(slots=True)
class Tail:
    """One side of a statistic in standard deviations or something like it; the values of the other side are not shown.

    Kept are three quantiles, exceeded by 25, 8 and 2.5 % of all values if half of them lie on this side, and the shape
    of the tail beyond them.

    The quantiles follow Robbins and Monro (Ann. Math. Statist. 22, 1951): a step up for a value above, a smaller one
    down for a value below, so that no single value moves them far; each of the outer two learns only from values above
    the one before it. Beyond the third the tail is a generalised Pareto distribution (Pickands, Ann. Statist. 3, 1975)
    whose shape is Pickands' ratio of the distances between the three, smoothed; a light tail is taken as exponential,
    which claims too little rather than too much. The quantiles lie that far in, and rare values count a tenth, so that
    anomalies, which are few, do not bend them; a very heavy tail claims too much for that, and is left to the
    calibration of the score.

    Before anything has been seen the tail is that of the standard normal. A value moves the quantiles `weight` times as
    far as usual: more than 1 for a statistic that changes slowly and is shown now and then.
    """

    first: float = _NORMAL[0]
    second: float = _NORMAL[1]
    third: float = _NORMAL[2]
    shape: float = 0.1
    seen: int = 0
    weight: float = 1.0

    def observe(self, value: float) -> float:
        """Return -log10 of the share of values at least this large (>= 0), as known before it, and learn from it."""
        self.seen = seen = self.seen + 1
        first = self.first
        width = self.weight * (self.third - first + _WIDTH_FLOOR)
        step = width * (_SLOWEST if seen > _SETTLED else 3.0 / (50.0 + seen))
        if value > first:
            self.first = first + _BELOW * step
            return self._beyond_first(value, first, width)
        lower = first - _SHARE * step
        self.first = lower if lower > _GAP_FLOOR else _GAP_FLOOR
        return _DECADES * value / first

    def _beyond_first(self, value: float, first: float, width: float) -> float:
        """Score a value above `first`, which was the first quantile before it, and move the second."""
        seen, second = self.seen, self.second
        if value > second:
            return self._beyond_second(value, first, width)
        step = width * (_SLOWEST if seen > _SECOND_SETTLED else 8.0 / (100.0 + seen))
        lower, least = second - _BEYOND * step, self.first + _GAP_FLOOR
        self.second = lower if lower > least else least
        return _DECADES + 0.5 * (value - first) / (second - first)

    def _beyond_second(self, value: float, first: float, width: float) -> float:
        """Score a value above the second quantile, and learn the outer two and the shape."""
        second, third = self.second, self.third
        if value <= third:
            score = _DECADES + 0.5 + 0.5 * (value - second) / (third - second)
        else:
            score = _DECADES + 1.0 + self._beyond_third(value - third, first, third)
        self._learn_outer(value > third, width if score < _RARE else _RARE_WEIGHT * width)
        return score

    def _beyond_third(self, excess: float, first: float, third: float) -> float:
        """Return how many decades rarer a value is that lies so far beyond the third quantile."""
        excess /= max(third - first, 0.2 * third, _NARROWEST)
        shape = self.shape
        if shape < 1e-3:
            return excess
        return log1p(excess * (1.0 - 10.0**-shape)) / (shape * _LN10)

    def _learn_outer(self, is_beyond_third: bool, width: float) -> None:
        """Move the second quantile up, the third up or down, and the shape towards what they say now."""
        seen, first = self.seen, self.first
        step = width * (_SLOWEST if seen > _SECOND_SETTLED else 8.0 / (100.0 + seen))
        self.second = second = self.second + (1.0 - _BEYOND) * step
        step = width * (_SLOWEST if seen > _THIRD_SETTLED else 22.0 / (200.0 + seen))
        third = self.third + step * (1.0 - _BEYOND if is_beyond_third else -_BEYOND)
        least = second + _GAP_FLOOR
        self.third = third = third if third > least else least
        inner = second - first
        ratio = log((third - second) / (inner if inner > _GAP_FLOOR else _GAP_FLOOR)) / _HALF_DECADE
        pace = 3.0 * _SLOWEST if seen > _SHAPE_SETTLED else 16.0 / (300.0 + seen)
        self.shape += pace * (clip(ratio, 0.0, _LARGEST_SHAPE) - self.shape)

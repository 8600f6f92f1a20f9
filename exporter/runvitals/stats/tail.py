"""The upper tail of a statistic, learned value by value: how rare is a value at least this large?"""

from __future__ import annotations

from math import log, log10, log1p

import msgspec

_RATIO = 10.0**0.5  # between the shares above two neighbouring quantiles
_LOG_RATIO = log(_RATIO)
_LN10 = log(10.0)
_DECADES = 0.6  # -log10 of the share above the first quantile
_SHARE = 10.0**-_DECADES
_NORMAL = 0.6708, 1.4089, 1.9585  # quantiles of the standard normal that such shares exceed
_SLOWEST = 0.003  # share of the tail's width that one value may move a quantile, once much has been seen
_WIDTH_FLOOR = 1e-3
_ALERTING = 4.0
_GAP_FLOOR = 1e-4
_ABOVE_Q3 = 1.0 - 1.0 / _RATIO
_LARGEST_SHAPE = 2.0


class Tail(msgspec.Struct):
    """Quantiles exceeded by 10, 3.16 and 1 % of the values, and the shape of the tail beyond them.

    The quantiles follow Robbins and Monro (Ann. Math. Statist. 22, 1951): a step up for a value above, a smaller one
    down for a value below, so that no single value moves them far. Beyond the last one the tail is a generalised Pareto
    distribution (Pickands, Ann. Statist. 3, 1975) whose shape is Pickands' ratio of the distances between the three,
    smoothed; a light tail is taken as exponential, which claims too little rather than too much. Before
    anything has been seen it is the tail of the standard normal.
    """

    q10: float = _NORMAL[0]
    q3: float = _NORMAL[1]
    q1: float = _NORMAL[2]
    shape: float = 0.1
    seen: int = 0

    def observe(self, value: float) -> float:
        """Return -log10 of the share of values at least this large, as known before it, and learn from it."""
        self.seen = seen = self.seen + 1
        q10 = self.q10
        width = self.q1 - q10 + _WIDTH_FLOOR
        step = width * (_SLOWEST if seen > 950 else 3.0 / (50.0 + seen))
        if value <= q10:
            self.q10 = q10 - _SHARE * step
            return _DECADES * value / q10 if value > 0.0 < q10 else 0.0
        score = self.decades(value)
        self.q10 = q10 + (1.0 - _SHARE) * step
        self._learn_beyond(value, width, score)
        return score

    def decades(self, value: float) -> float:
        """Return -log10 of the share of values at least `value`."""
        q10, q3, q1 = self.q10, self.q3, self.q1
        if value <= q10:
            return _DECADES * value / q10 if value > 0.0 < q10 else 0.0
        if value <= q3:
            return _DECADES + 0.5 * (value - q10) / (q3 - q10)
        if value <= q1:
            return _DECADES + 0.5 + 0.5 * (value - q3) / (q1 - q3)
        return _DECADES + 1.0 + self._beyond((value - q1) / max(q1 - q10, 0.2 * q1, 1e-4))

    def _beyond(self, excess: float) -> float:
        """Return the decades for an excess over the last quantile, in distances between the first and the last."""
        shape = self.shape
        if shape < 1e-3:
            return excess
        return log1p(excess * (1.0 - 10.0**-shape)) / (shape * _LN10)

    def _learn_beyond(self, value: float, width: float, score: float) -> None:
        """Move the quantiles further out, and the shape, for a value above the first: they learn from such alone."""
        seen = self.seen
        weight = 0.25 if score > _ALERTING else 1.0
        step3 = weight * width * max(8.0 / (100.0 + seen), _SLOWEST)
        step1 = weight * width * max(22.0 / (200.0 + seen), _SLOWEST)
        q3 = self.q3 + step3 * (_ABOVE_Q3 if value > self.q3 else -1.0 / _RATIO)
        self.q3 = q3 = max(q3, self.q10 + _GAP_FLOOR)
        q1 = self.q1 + step1 * (0.9 if value > self.q1 else -0.1)
        self.q1 = q1 = max(q1, q3 + _GAP_FLOOR)
        ratio = log((q1 - q3) / (q3 - self.q10)) / _LOG_RATIO
        weight *= max(10.0 / (100.0 + seen), 0.003)
        self.shape += weight * (min(max(ratio, 0.0), _LARGEST_SHAPE) - self.shape)


class RareEvent(msgspec.Struct):
    """How rare an event is of which most values show nothing: its rate, and the mean size of those there were.

    The rate follows the newest thousands of values; before there were as many, a first event is one among those seen.
    """

    rate: float = 0.05
    mean_size: float = 0.0
    seen: int = 0

    def observe(self, size: float) -> float:
        """Return -log10 of the probability of an event at least this large; 0 where there is none (`size` 0)."""
        self.seen = seen = self.seen + 1
        weight = 1.0 / (seen + 20.0) if seen < 100_000 else 1e-5
        if size <= 0.0:
            self.rate -= weight * self.rate
            return 0.0
        score = -log10(max(self.rate, 1e-9))
        if self.mean_size > 0.0:
            score += min(size / self.mean_size, 10.0) / _LN10 - 0.3
        self.rate += weight * (1.0 - self.rate)
        limited = min(size, 10.0 * self.mean_size) if self.mean_size > 0.0 else size
        self.mean_size += 0.1 * (limited - self.mean_size) if self.mean_size > 0.0 else limited
        return max(score, 0.0)

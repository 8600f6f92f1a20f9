"""Where a signal lies just now, and how far its values lie from there."""

from __future__ import annotations

from dataclasses import dataclass

_FOLLOW = 1.0 / 16.0
_NORMAL = 0.737  # mean absolute deviation of standard normal values, each counted as at most two such
_SLOWEST = 0.005
_CLIP = 2.0
_LIMIT = 1e6
_LARGEST = 1e300


@dataclass(slots=True)
class LocalLevel:
    """A running mean of the last dozen values and a mean absolute deviation of the last hundred from it.

    A value counts as at most two mean deviations away (Huber's idea), so that one outlier hides nothing of the next. A
    signal with a trend is followed, where its median over a long window lags behind.
    """

    center: float = 0.0
    deviation: float = 0.0
    seen: int = 0

    def standardise(self, value: float, floor: float) -> float | None:
        """Return (value - level) / standard deviation, bounded, as known before it, and learn; None while unknown.

        The deviation counts as at least `floor`.
        """
        self.seen = seen = self.seen + 1
        if seen == 1:
            self.center = value
            self.deviation = max(self.deviation, floor)
            return None
        deviation, distance = self.deviation, value - self.center
        size = distance if distance > 0.0 else -distance
        if deviation < floor:
            deviation = floor
        if not deviation:
            self.deviation = min(size, _LARGEST)
            return None
        weight = 1.0 / seen if seen < 200 else _SLOWEST
        bound = _CLIP * deviation
        if size > bound:
            self.deviation = deviation + weight * (bound - deviation)
            self.center += _FOLLOW * (bound if distance > 0.0 else -bound)
        else:
            self.deviation = deviation + weight * (size - deviation)
            self.center += _FOLLOW * distance
        score = distance * _NORMAL / deviation
        return score if -_LIMIT < score < _LIMIT else (_LIMIT if score > 0.0 else -_LIMIT)

    def follow(self, value: float) -> float:
        """Return the running mean after a value that is in standard deviations already, as that of the mean of many."""
        bound = 4.0
        self.center += _FOLLOW * (max(-bound, min(value, bound)) - self.center)
        return self.center

    def rescale(self, factor: float) -> None:
        """Go over to units in which a deviation is `factor` times as large."""
        self.deviation = min(factor * self.deviation, _LARGEST)

    def clear(self) -> None:
        """Forget where the signal lies; how it varies is kept."""
        self.seen, self.center = 0, 0.0

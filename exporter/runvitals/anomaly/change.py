"""How large a change from one value to the next is beside those before it."""

from __future__ import annotations

from dataclasses import dataclass

_NORMAL = 0.737  # mean absolute deviation of standard normal values, each counted as at most two such
_SLOWEST = 0.005
_CLIP = 2.0
_LIMIT = 1e6
_LARGEST = 1e300


@dataclass(slots=True)
class ChangeScale:
    """Middle and mean absolute deviation of the changes, following the newest few hundred.

    The middle takes equal steps up and down, as a running median; a deviation counts as at most two mean ones: no
    single value moves them far. A value that repeats the one before it is no change and teaches nothing, so that a
    signal that rarely changes keeps the size of its changes.
    """

    middle: float = 0.0
    deviation: float = 0.0
    seen: int = 0

    def standardise(self, change: float) -> float | None:
        """Return (change - middle) / standard deviation, bounded, as known before it, and learn; None while unknown."""
        if change == 0.0:
            return 0.0 if self.deviation else None
        deviation = self.deviation
        distance = change - self.middle
        size = distance if distance > 0.0 else -distance
        self.seen = seen = self.seen + 1
        weight = 1.0 / seen if seen < 200 else _SLOWEST
        if not deviation:
            self.deviation = min(size, _LARGEST)
            return None
        bound = _CLIP * deviation
        self.deviation = deviation + weight * ((size if size < bound else bound) - deviation)
        self.middle += weight * (deviation if distance > 0.0 else -deviation)
        score = distance * _NORMAL / deviation
        return score if -_LIMIT < score < _LIMIT else (_LIMIT if score > 0.0 else -_LIMIT)

    def rescale(self, factor: float) -> None:
        """Go over to units in which a change is `factor` times as large."""
        self.middle = max(-_LARGEST, min(factor * self.middle, _LARGEST))
        self.deviation = min(factor * self.deviation, _LARGEST)

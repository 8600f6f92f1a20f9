"""Mean and 99th percentile of what a timer, histogram or distribution was sent within one tick."""

from __future__ import annotations


class Timings:
    """Values with weights: one sent at rate 0.1 stands for ten."""

    def __init__(self) -> None:
        self._weighted: list[tuple[float, float]] = []

    def add(self, value: float, weight: float) -> None:
        """Take one finite value."""
        self._weighted.append((value, weight))

    def mean(self) -> float:
        """Return the weighted mean."""
        total = sum(weight for _, weight in self._weighted)
        return sum(value * (weight / total) for value, weight in self._weighted)

    def quantile(self, share: float) -> float:
        """Return the smallest value with at least `share` of the weight at or below it (nearest rank)."""
        ordered = sorted(self._weighted)
        target = share * sum(weight for _, weight in ordered)
        reached = 0.0
        for value, weight in ordered:
            reached += weight
            if reached >= target:
                return value
        return ordered[-1][0]

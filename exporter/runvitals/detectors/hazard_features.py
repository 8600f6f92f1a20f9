"""What the hazard of an explosion rests on: a few causal numbers of the gradient norm and the learning rate."""

from __future__ import annotations

from math import isfinite, log

import msgspec

from runvitals.detectors.moving_levels import MovingLevels
from runvitals.stats.clip import clip

DOUBLED = log(2.0)
"""A relative change above 1, in logarithms."""

FORGETTING = 1.0 / 32.0

NAMES = (
    "level",
    "high_level",
    "noise",
    "large_changes",
    "rate_raised",
    "rate_rising",
)


class HazardFeatures(msgspec.Struct):
    """The running numbers of one rank, at constant cost and in constant memory.

    All are of logarithms and bounded: how far the norm stands over its slow mean, and over three times that; how noisy
    it is; the recent share of steps that doubled it; how far the learning rate is above what it was, and whether it
    still rises. A learning rate that is not logged counts as unchanged.

    Tried and left out: loss, loss-scale drops and skipped steps, which add nothing to these in cross-validation; the
    norm's level in deviations, whose weight is nearly 0; and its trend, whose weight is negative, so that the forecast
    would fall where the norm rises.
    """

    norms: MovingLevels = msgspec.field(default_factory=lambda: MovingLevels(limit=4.0))
    # A learning rate is set, not drawn: no value of it is an outlier.
    rates: MovingLevels = msgspec.field(default_factory=lambda: MovingLevels(limit=1e9))
    newest: float | None = None
    large_changes: float = 0.0

    def observe_rate(self, rate: float) -> None:
        """Take the learning rate of a step; one that has no logarithm (0 at the start of a warm-up) is passed over."""
        if rate > 0.0 and isfinite(rate):
            self.rates.observe(log(rate))

    def observe_norm(self, norm: float) -> bool:
        """Take the gradient norm of a step; return whether it has a logarithm: others are passed over."""
        if not (norm > 0.0 and isfinite(norm)):
            return False
        value = log(norm)
        has_doubled = self.newest is not None and value - self.newest > DOUBLED
        self.large_changes += FORGETTING * (has_doubled - self.large_changes)
        self.newest = value
        self.norms.observe(value)
        return True

    def values(self) -> tuple[float, ...]:
        """Return the numbers named by NAMES, in their order."""
        norms, rates = self.norms, self.rates
        level = norms.fast - norms.slow
        return (
            clip(level, -2.0, 5.0),
            clip(level - 1.1, 0.0, 4.0),
            min(log(norms.deviation), 0.0),
            self.large_changes,
            clip(rates.fast - rates.slow, 0.0, 4.0),
            clip(rates.fast - rates.mid, -1.0, 1.0),
        )

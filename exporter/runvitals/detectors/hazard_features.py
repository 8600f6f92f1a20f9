"""What the hazard of an explosion rests on: a few causal numbers from the norm, the loss, the rate and the scale."""

from __future__ import annotations

from math import isfinite, log

import msgspec

from runvitals.detectors.moving_levels import MovingLevels

RARE = 1.0 / 32.0
"""Rate at which shares of steps are forgotten."""

LEVEL_NAMES = ("level", "high_level", "floor", "trend", "zscore", "shift")
NORM_FEATURES = (
    *(f"norm_{name}" for name in LEVEL_NAMES),
    "norm_noise",
    "large_changes",
    "skipped_steps",
    "scale_drops",
    "rate_raised",
    "rate_rising",
)
LOSS_FEATURES = (*(f"loss_{name}" for name in LEVEL_NAMES), "loss_noise")


class HazardFeatures(msgspec.Struct):
    """The running numbers of one rank, at constant cost a step.

    A signal that is not logged is told apart from one that is: without a loss, or once one was not positive, there are
    no loss features; a learning rate or a loss scale that is not logged counts as unchanged.
    """

    norms: MovingLevels = msgspec.field(default_factory=MovingLevels)
    losses: MovingLevels = msgspec.field(default_factory=MovingLevels)
    rates: MovingLevels = msgspec.field(default_factory=MovingLevels)
    previous: float | None = None
    scale: float | None = None
    large_changes: float = 0.0
    skipped_steps: float = 0.0
    scale_drops: float = 0.0
    dropped: bool = False
    has_signed_loss: bool = False

    def observe_loss(self, loss: float) -> None:
        """Take the loss of a step; one that is not finite says nothing of its level."""
        if loss > 0.0 and isfinite(loss):
            self.losses.observe(log(loss))
        elif loss <= 0.0:
            self.has_signed_loss = True

    def observe_rate(self, rate: float) -> None:
        """Take the learning rate of a step; 0, as in the first step of a warm-up, has no logarithm."""
        if rate > 0.0 and isfinite(rate):
            self.rates.observe(log(rate))

    def observe_scale(self, scale: float) -> None:
        """Take the loss scale of a step."""
        if isfinite(scale):
            self.dropped = self.dropped or (self.scale is not None and scale < self.scale)
            self.scale = scale

    def observe_norm(self, norm: float) -> bool:
        """Take the gradient norm, which ends the step; return whether it has a logarithm."""
        usable = norm > 0.0 and isfinite(norm)
        self.skipped_steps += RARE * ((not isfinite(norm)) - self.skipped_steps)
        self.scale_drops += RARE * (self.dropped - self.scale_drops)
        self.dropped = False
        if usable:
            value = log(norm)
            # A relative change above 1 is a doubling.
            is_large = self.previous is not None and value - self.previous > 0.6931471805599453
            self.large_changes += RARE * (is_large - self.large_changes)
            self.previous = value
            self.norms.observe(value)
        return usable

    @property
    def has_loss(self) -> bool:
        """Whether the loss has been logged along with the norm, and has a logarithm."""
        return not self.has_signed_loss and 2 * self.losses.count >= self.norms.count

    def norm_features(self) -> tuple[float, ...]:
        """Return the numbers named by NORM_FEATURES."""
        norms, rates = self.norms, self.rates
        return (
            *norms.features(),
            log(norms.deviation),
            self.large_changes,
            self.skipped_steps,
            self.scale_drops,
            min(max(rates.fast - rates.slow, 0.0), 4.0),
            min(max(rates.fast - rates.mid, -1.0), 1.0),
        )

    def loss_features(self) -> tuple[float, ...]:
        """Return the numbers named by LOSS_FEATURES."""
        return (*self.losses.features(), log(self.losses.deviation))

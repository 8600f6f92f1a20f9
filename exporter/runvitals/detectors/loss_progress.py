"""What the loss has gained since the start, and whether it has lost it again."""

from __future__ import annotations

from math import sqrt
from typing import Protocol, runtime_checkable

import msgspec

from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.clip import clip, larger
from runvitals.values import Sample

SPAN = 16
"""Losses that the level at the start, and that of now, are a mean of."""

SLOW = 128
"""Steps that the level before is a mean of, with which that of now is compared."""

NOTHING = 0.02
"""A gain up to this share of the start is none: a mean of a few noisy losses has as much by chance."""

NEIGHBOURS = 0.886
"""Standard deviation of normal noise over the mean distance of neighbours."""

SURE = 3.0

LARGEST = 1e300
"""A loss beyond is taken for this: sums must stay finite."""


class LossProgress(msgspec.Struct):
    """The level of the loss at the start of the segment, its best level, and its level now.

    Detectors of a network that does not learn ask it for a second opinion: what learns, or has converged, is healthy.
    Those of a rank share one, and each shows it every loss: it takes each once, told by the series' count of `samples`.
    """

    segment: int = 0
    samples: int = 0
    count: int = 0
    start: float = 0.0
    best: float = 0.0
    recent: float = 0.0
    slow: float = 0.0
    newest: float = 0.0
    roughness: float = 0.0

    def observe(self, sample: Sample, series: Series, admission: Admission) -> None:
        """Take the next loss, unless another detector has shown it.

        One that is not finite is passed over, and so is that of a layer: it is a part of the loss, or another one.
        """
        if sample.layer or (series.samples == self.samples and series.segment == self.segment):
            return
        self.samples = series.samples
        if series.segment != self.segment:
            self.segment, self.count = series.segment, 0
        if admission is NONFINITE:
            return
        self.count += 1
        loss = clip(sample.value, -LARGEST, LARGEST)
        count = self.count
        if count == 1:
            self.recent = self.slow = loss
        else:
            self.roughness += (abs(loss - self.newest) - self.roughness) / (count - 1 if count <= SLOW else SLOW)
        self.newest = loss
        step = (loss - self.recent) / (count if count < SPAN else SPAN)
        if count <= SPAN:
            self.recent += step
            self.start = self.best = self.recent
        else:  # a single loss, however high, says little of the level
            limit = larger(abs(self.start), abs(self.recent)) / SPAN
            self.recent += clip(step, -limit, limit)
        recent = self.recent
        self.slow += (recent - self.slow) / (count if count < SLOW else SLOW)
        if recent < self.best:
            self.best = recent

    @property
    def gain(self) -> float | None:
        """How far the best level lies below that of the start, as a share of it; None while unknown."""
        if self.count < SPAN or not self.start:
            return None
        return (self.start - self.best) / abs(self.start)

    @property
    def rise(self) -> float | None:
        """How far the level of now lies above that of the start, as a share of it; None while unknown."""
        if self.count < SPAN or not self.start:
            return None
        return (self.recent - self.start) / abs(self.start)

    @property
    def noise(self) -> float:
        """Standard deviation of the difference of two levels: that of losses by the differences of neighbours."""
        return NEIGHBOURS * self.roughness * sqrt(2.0 / SPAN)

    def has_not_fallen(self, patience: int) -> bool:
        """Return whether over at least so many steps the loss has not fallen by more than nothing, or its noise."""
        if self.gain is None or self.count < patience:
            return False
        return self.slow > self.start - max(NOTHING * abs(self.start), SURE * self.noise)

    @property
    def is_falling(self) -> bool:
        """Whether the level of now lies below that of the last hundred steps by more than nothing."""
        return self.recent < self.slow - NOTHING * abs(self.slow)

    def is_stuck(self, patience: int) -> bool:
        """Return whether the loss has gained nothing over at least so many steps."""
        gain = self.gain
        return gain is not None and gain <= NOTHING and self.count >= patience

    def has_lost(self) -> bool | None:
        """Return whether nothing has been gained, or half of the gain is lost again; None while unknown."""
        gain = self.gain
        if gain is None:
            return None
        return gain <= NOTHING or self._is_half_lost

    @property
    def has_lost_gain(self) -> bool:
        """Whether something had been gained, and half of it is lost again."""
        gain = self.gain
        return gain is not None and gain > NOTHING and self._is_half_lost

    @property
    def _is_half_lost(self) -> bool:
        return self.recent > self.best + 0.5 * (self.start - self.best)


@runtime_checkable
class FollowsLoss(Protocol):
    """A detector that asks for the progress of the loss."""

    progress: LossProgress

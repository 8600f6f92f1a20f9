"""Activations that lie where their function is flat."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.lasting import Lasting
from runvitals.detectors.loss_progress import LossProgress
from runvitals.detectors.network.start_level import StartLevels, is_share
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

SETTLED = 4
"""Steps over which it must have been so: a single odd batch may saturate a whole layer."""

PATIENCE = 128
"""Steps over which a network that is saturated from the start must not have learned."""


class SaturatedActivations(Detector, tag="saturated_activations"):
    """Fires where more than `ratio` of a layer's activations are saturated, and the loss is no better for it.

    A network that learns may well saturate: gates that are open or shut, features that are there or not. So the loss
    must have gained nothing, or lost half of what it had gained; or the share is above `all_ratio` from the start,
    where nothing has been learned yet that could have driven it there. Each must have lasted SETTLED steps, unless the
    loss has lost half of its gain.
    """

    ratio: float
    all_ratio: float
    progress: LossProgress = msgspec.field(default_factory=LossProgress)
    starts: StartLevels = msgspec.field(default_factory=StartLevels)
    lasting: Lasting = msgspec.field(default_factory=Lasting)

    def __post_init__(self) -> None:
        """Refuse thresholds that are no shares."""
        if not 0.0 < self.ratio <= self.all_ratio < 1.0:
            raise ValueError("ratio and all_ratio, not below it, must be above 0 and below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest share; a loss is only noted."""
        if sample.signal == signals.LOSS.name:
            self.progress.observe(sample, series, admission)
            return None
        if not is_share(sample.value):
            return UNKNOWN
        start = self.starts.observe(sample, series)
        if start is None:
            return UNKNOWN
        is_so = self._is_saturated(sample.value, start)
        lasted = self.lasting.observe(sample.layer, sample, holds=bool(is_so))
        if is_so and (lasted >= SETTLED or self.progress.has_lost_gain):
            return self._firing(sample, start)
        return UNKNOWN if is_so or is_so is None else OK

    def _is_saturated(self, share: float, start: float) -> bool | None:
        """Return whether so many activations are saturated, and for nothing; None where it cannot be known."""
        if share <= self.ratio:
            return False
        has_lost = self.progress.has_lost()
        if min(start, share) > self.all_ratio:
            return True
        return has_lost and (start < self.ratio / 2.0 or self.progress.is_stuck(PATIENCE))

    def _firing(self, sample: Sample, start: float) -> Verdict:
        where = f" of {sample.layer}" if sample.layer else ""
        sentence = f"{sample.value:.0%} of the activations{where} saturated, {start:.0%} at the start"
        return firing(sample, sentence, beyond(sample.value, self.ratio), score=sample.value, high=self.ratio)

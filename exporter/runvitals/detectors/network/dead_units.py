"""Units that are 0 whatever goes in, and gradients that are 0 because of them."""

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
from runvitals.values import OK, UNKNOWN, Sample, State, Verdict

SETTLED = 4
"""Steps over which it must have been so: a single odd batch may leave a whole layer at 0."""

PATIENCE = 128
"""Steps over which a network that is dead from the start must not have learned."""


class DeadUnits(Detector, tag="dead_units"):
    """Fires where more than `units_ratio` of a layer's units have died, or `gradient_ratio` of a gradient is 0.

    A small batch leaves many healthy units at 0, and an embedding's gradient is 0 for every token that is absent. So a
    share counts that has risen from less than half its threshold. Units above `all_ratio` from the start count where
    the loss has not improved either, and a layer without a single live unit always does: nothing passes it, whatever
    the bias of the output may learn. Each must have lasted SETTLED steps, unless the loss has lost half of its gain. A
    gradient counts only while the loss has lost what it had gained: one that is 0 because nothing is left to learn is
    healthy. What can be told in neither way is unknown.
    """

    units_ratio: float
    all_ratio: float
    gradient_ratio: float
    progress: LossProgress = msgspec.field(default_factory=LossProgress)
    starts: StartLevels = msgspec.field(default_factory=StartLevels)
    lasting: Lasting = msgspec.field(default_factory=Lasting)

    def __post_init__(self) -> None:
        """Refuse thresholds that are no shares."""
        if not (0.0 < self.units_ratio <= self.all_ratio < 1.0 and 0.0 < self.gradient_ratio < 1.0):
            raise ValueError("units_ratio, all_ratio (not below it) and gradient_ratio must be above 0 and below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest share; a loss is only noted."""
        if sample.signal == signals.LOSS.name:
            self.progress.observe(sample, series, admission)
            return None
        if not is_share(sample.value):
            return UNKNOWN
        start = self.starts.observe(sample, series)
        is_gradient = sample.signal == signals.ZERO_GRADIENT_RATIO.name
        state = self._judge_gradient(sample.value, start) if is_gradient else self._judge_units(sample.value, start)
        place = f"{sample.signal}/{sample.layer}"
        lasted = self.lasting.observe(place, sample, holds=state is State.FIRING)
        if state is State.FIRING and (lasted >= SETTLED or (start is not None and self.progress.has_lost_gain)):
            return self._firing(sample, start, self.gradient_ratio if is_gradient else self.units_ratio)
        return OK if state is State.OK else UNKNOWN

    def _judge_units(self, share: float, start: float | None) -> State:
        if share >= 1.0:
            return State.FIRING
        if start is None:
            return State.UNKNOWN
        if share <= self.units_ratio:
            return State.OK
        is_dead = start < self.units_ratio / 2.0 or (share > self.all_ratio and self.progress.is_stuck(PATIENCE))
        return State.FIRING if is_dead else State.UNKNOWN

    def _judge_gradient(self, share: float, start: float | None) -> State:
        if start is None:
            return State.UNKNOWN
        if share < self.gradient_ratio:
            return State.OK
        has_lost = self.progress.has_lost()
        if start >= self.gradient_ratio / 2.0 or has_lost is None:
            return State.UNKNOWN
        return State.FIRING if has_lost else State.OK

    def _firing(self, sample: Sample, start: float | None, limit: float) -> Verdict:
        what = "gradient" if sample.signal == signals.ZERO_GRADIENT_RATIO.name else "units"
        where = f" of {sample.layer}" if sample.layer else ""
        before = "from the start" if start is None else f"{start:.0%} at the start"
        sentence = f"{sample.value:.0%} of the {what}{where} 0, {before}"
        return firing(sample, sentence, beyond(sample.value, limit), score=sample.value, high=limit)

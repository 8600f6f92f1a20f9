"""Steps of the optimizer that are large against the parameters."""

from __future__ import annotations

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.order import median
from runvitals.values import OK, UNKNOWN, Sample, Verdict

SPAN = 16
"""Steps whose median counts: a single large step is no fault."""


class UpdateTooLarge(Detector, tag="update_too_large"):
    """Fires where the update is above `ratio` of the parameters' norm, in the median of 16 steps after `warm_up` steps.

    Of layers the median one counts: a bias that starts at 0 moves by many times its norm, and is healthy. Where the
    update of the whole rank is logged, layers are not asked.
    """

    ratio: float
    warm_up: float
    segments: Segments = msgspec.field(default_factory=Segments)
    count: int = 0
    recent: list[float] = []
    layers: dict[str, float] = {}
    step: int | None = None
    has_whole: bool = False

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.ratio > 0.0 and self.warm_up >= 0.0):
            raise ValueError(f"ratio must be above 0 and warm_up from 0, not {self.ratio} and {self.warm_up}")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest update; one of layers with the first sample of the step after it."""
        if self.segments.begins(sample, series):
            self.count, self.recent, self.layers = 0, [], {}
        if admission is NONFINITE:
            return None if sample.layer else UNKNOWN
        if not sample.layer:
            self.has_whole = True
            return self._judge(sample, sample.value)
        return None if self.has_whole else self._observe_layer(sample)

    def _observe_layer(self, sample: Sample) -> Verdict | None:
        verdict = None
        if sample.step != self.step or sample.layer in self.layers:
            verdict = self._judge(sample, median(sorted(self.layers.values()))) if self.layers else None
            self.step, self.layers = sample.step, {}
        self.layers[sample.layer] = sample.value
        return verdict

    def _judge(self, sample: Sample, update: float) -> Verdict:
        self.count += 1
        self.recent = [*self.recent[-SPAN + 1 :], update]
        if self.count <= self.warm_up or len(self.recent) < SPAN:
            return UNKNOWN
        usual = median(sorted(self.recent))
        if usual <= self.ratio:
            return OK
        sentence = f"a step changes the parameters by {usual:.3g} of their norm, in the median of {SPAN} steps"
        return firing(sample, sentence, beyond(usual, self.ratio), score=usual, high=self.ratio)

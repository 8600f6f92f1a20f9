"""A gradient explosion that is more likely than not within the next 50 steps."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.condition import Condition
from runvitals.detectors.detector import Detector
from runvitals.detectors.explosion_hazard import HORIZON, ExplosionHazard
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict


class GradientExplosionLikely(Detector, tag="gradient_explosion_likely"):
    """Fires where the hazard of an explosion exceeds `probability`.

    It forecasts: of what it fires on, a part comes to nothing, as the probability says. It is blind in the first 64
    steps of a segment, to an explosion within one step that nothing announces, and to growth over many hundred steps.
    A learning rate that comes after the norm of its step counts for the next one.
    """

    probability: float
    hazard: ExplosionHazard = msgspec.field(default_factory=ExplosionHazard)
    segment: int = 0

    def __post_init__(self) -> None:
        """Refuse a threshold that is no probability."""
        if not 0.0 < self.probability < 1.0:
            raise ValueError(f"probability must be above 0 and below 1, not {self.probability}")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Return the verdict on the newest gradient norm; a learning rate is only noted."""
        if sample.signal == signals.LEARNING_RATE.name:
            self.hazard.features.observe_rate(sample.value)
            return None
        if series.segment != self.segment:
            self.segment = series.segment
            self.hazard.start_segment()
        probability = self.hazard.observe_norm(sample.value)
        if probability is None:
            return UNKNOWN
        return self._firing(sample, probability) if probability > self.probability else OK

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return what the verdict on a gradient norm rests on; to be asked of a copy that has not seen it."""
        if self.observe(sample, series, admission) is None:
            return ()
        return (Condition("probability", self.hazard.probability, self.probability),)

    def _firing(self, sample: Sample, probability: float) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} {sample.value:.4g}: an explosion within {HORIZON} steps has probability "
            f"{probability:.2f}",
            sample.signal,
            sample.layer,
            value=sample.value,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, probability, probability, evidence)

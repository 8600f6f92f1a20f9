"""Gradient norms that are NaN or infinite, but not the single overflows by which a loss scaler finds its scale."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.condition import Condition
from runvitals.detectors.detector import Detector
from runvitals.detectors.nonfinite import nonfinite_verdict
from runvitals.series import Admission, Series
from runvitals.values import OK, Sample, Verdict


class NonfiniteGradient(Detector, tag="nonfinite_gradient"):
    """Fires on a gradient norm that is NaN or infinite.

    Where the rank logs a loss scale, up to `amp_recovery_steps` such steps in a row are the scaler at work, and
    healthy.
    """

    amp_recovery_steps: float
    has_loss_scale: bool = False
    in_a_row: int = 0

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Return the verdict on the newest gradient norm; a loss scale is only noted."""
        if sample.signal == signals.LOSS_SCALE.name:
            self.has_loss_scale = True
            return None
        if admission is not Admission.NONFINITE:
            self.in_a_row = 0
            return OK
        self.in_a_row += 1
        if self.has_loss_scale and self.in_a_row <= self.amp_recovery_steps:
            return OK
        return nonfinite_verdict(sample)

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return how many non-finite norms in a row there are, where a loss scaler is at work; for a copy."""
        if self.observe(sample, series, admission) is None or not self.has_loss_scale:
            return ()
        return (Condition("amp_recovery_steps", float(self.in_a_row), self.amp_recovery_steps),)

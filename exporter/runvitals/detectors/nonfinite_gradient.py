"""Gradient norms that are NaN or infinite, but not the single overflows by which a loss scaler finds its scale."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.condition import Condition
from runvitals.detectors.detector import Detector
from runvitals.detectors.nonfinite import nonfinite_verdict
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

SMALLEST_SCALE = 1.0
"""Below, a loss scale has lost its purpose: what overflows there overflows for another reason."""


class NonfiniteGradient(Detector, tag="nonfinite_gradient"):
    """Fires on a gradient norm that is NaN or infinite.

    Where the rank logs a loss scale, up to `amp_recovery_steps` such steps in a row are the scaler at work, and
    healthy. So is its first search, which begins far too high: until the first finite norm all that overflows is
    excused as long as the scale falls with every step, down to 1. Whether the very first norm of a run is that of a
    scaler its first line may tell only after it: unknown until the next norm.
    """

    amp_recovery_steps: float
    scale: float | None = None
    is_falling: bool = True
    is_searching: bool = True
    in_a_row: int = 0
    segments: Segments = msgspec.field(default_factory=Segments)

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest gradient norm; a loss scale is only noted."""
        if sample.signal == signals.LOSS_SCALE.name:
            self._note_scale(sample.value)
            return None
        if self.segments.begins(sample, series):
            self.is_searching, self.is_falling, self.in_a_row = True, True, 0
        if admission is not NONFINITE:
            self.is_searching, self.in_a_row = False, 0
            return OK
        self.in_a_row += 1
        if self.scale is None:
            return UNKNOWN if self.is_searching and self.in_a_row == 1 else nonfinite_verdict(sample)
        return OK if self._is_excused else nonfinite_verdict(sample)

    def _note_scale(self, scale: float) -> None:
        if self.scale is not None:
            self.is_falling = SMALLEST_SCALE <= scale < self.scale
        self.scale = scale

    @property
    def _is_excused(self) -> bool:
        """Whether the newest norm is what a loss scaler does: of its first search, or a few in a row."""
        return (self.is_searching and self.is_falling) or self.in_a_row <= self.amp_recovery_steps

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return how many non-finite norms in a row there are, where a loss scaler is at work; for a copy."""
        if self.observe(sample, series, admission) is None or self.scale is None:
            return ()
        if self.is_searching and self.is_falling:
            return ()
        return (Condition("amp_recovery_steps", float(self.in_a_row), self.amp_recovery_steps),)

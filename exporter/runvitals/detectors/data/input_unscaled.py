"""Inputs that nobody has scaled."""

from __future__ import annotations

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

SPAN = 8
"""Steps whose median counts: one odd batch is no scale."""


class InputUnscaled(Detector, tag="input_unscaled"):
    """Fires where the mean of the input, or its standard deviation, is beyond `size` in the median of 8 steps.

    Numbers that stand for words or classes have no scale; their mean should not be logged as that of an input.
    """

    size: float
    segments: Segments = msgspec.field(default_factory=Segments)
    recent: dict[str, list[float]] = {}

    def __post_init__(self) -> None:
        """Refuse a size that makes no sense."""
        if not self.size > 0.0:
            raise ValueError(f"size must be above 0, not {self.size}")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest mean or standard deviation."""
        if self.segments.begins(sample, series):
            self.recent.pop(sample.signal, None)
        if admission is NONFINITE:
            return UNKNOWN
        recent = self.recent[sample.signal] = [*self.recent.get(sample.signal, [])[-SPAN + 1 :], abs(sample.value)]
        if len(recent) < SPAN:
            return UNKNOWN
        # The lower of the two in the middle: neither one odd batch nor a rare one counts.
        usual = sorted(recent)[(SPAN - 1) // 2]
        if usual <= self.size:
            return OK
        sentence = f"{sample.signal} {sample.value:.4g}, beyond {self.size:g} in the last {SPAN} steps"
        return firing(sample, sentence, beyond(usual, self.size), score=usual, low=-self.size, high=self.size)

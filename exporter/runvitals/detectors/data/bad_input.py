"""Inputs that are damaged: not finite, missing, constant, or the same again and again."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.data.recent_share import RecentShare
from runvitals.detectors.data.seen_batches import SPAN, SeenBatches
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

WORDS = {
    signals.INPUT_MISSING_RATIO.name: "of the input missing",
    signals.INPUT_CONSTANT_RATIO.name: "of the features constant",
}


class BadInput(Detector, tag="bad_input"):
    """Fires on an input with values that are not finite; on a share of missing values or constant features that rises.

    A share has risen where the mean of 8 steps is `sigmas` standard deviations above what it was, and by `missing_rise`
    or `constant_rise`. Also where a stream of batches that had varied brings the same ones again and again: eight times
    in a row, or at most 16 different ones in 64 steps. A data set of one batch, or of few, never varied.
    """

    sigmas: float
    missing_rise: float
    constant_rise: float
    segments: Segments = msgspec.field(default_factory=Segments)
    shares: dict[str, RecentShare] = {}
    batches: SeenBatches = msgspec.field(default_factory=SeenBatches)

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.sigmas > 0.0 and 0.0 < self.missing_rise < 1.0 and 0.0 < self.constant_rise < 1.0):
            raise ValueError("sigmas must be above 0, missing_rise and constant_rise above 0 and below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest number that describes the input."""
        if self.segments.begins(sample, series):
            self._forget(sample.signal)
        if admission is NONFINITE:
            return UNKNOWN
        if sample.signal == signals.BATCH_FINGERPRINT.name:
            return self._observe_batch(sample)
        if not 0.0 <= sample.value <= 1.0:
            return UNKNOWN
        if sample.signal == signals.INPUT_NONFINITE_RATIO.name:
            return self._observe_nonfinite(sample)
        return self._observe_share(sample)

    def _forget(self, signal: str) -> None:
        self.shares.pop(signal, None)
        if signal == signals.BATCH_FINGERPRINT.name:
            self.batches = SeenBatches()

    def _observe_nonfinite(self, sample: Sample) -> Verdict:
        if not sample.value:
            return OK
        return firing(sample, f"{sample.value:.2g} of the input is NaN or infinite", 1.0, high=0.0)

    def _observe_share(self, sample: Sample) -> Verdict:
        share = self.shares.setdefault(sample.signal, RecentShare())
        share.observe(sample.value)
        is_missing = sample.signal == signals.INPUT_MISSING_RATIO.name
        is_up = share.is_up(self.sigmas, self.missing_rise if is_missing else self.constant_rise)
        if not is_up:
            return UNKNOWN if is_up is None else OK
        sentence = f"{share.mean:.1%} {WORDS[sample.signal]} in the last steps, {share.usual:.1%} before"
        return firing(sample, sentence, 0.8, score=share.mean, high=share.usual)

    def _observe_batch(self, sample: Sample) -> Verdict:
        batches = self.batches
        batches.observe(sample.value)
        is_repeating = batches.is_repeating
        if not is_repeating:
            return UNKNOWN if is_repeating is None else OK
        if batches.in_a_row > 1:
            return firing(sample, f"the same batch {batches.in_a_row} times in a row", 0.9)
        return firing(sample, f"only {batches.different} different batches in the last {SPAN} steps", 0.8)

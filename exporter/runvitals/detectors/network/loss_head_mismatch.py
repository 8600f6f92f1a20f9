"""A loss that does not fit what the network puts out."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.decimals import looks_rounded
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.loss_progress import LossProgress
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

LOSS = signals.LOSS.name
OUTPUT_STDDEV = signals.OUTPUT_STDDEV.name
LEARNING_RATE = signals.LEARNING_RATE.name
GRAD_NORM = signals.GRAD_NORM.name

LOW = 0.1
"""Quantile of the past losses that must be above 0."""

PATIENCE = 128
"""Steps over which the loss must have gained nothing where a second opinion is asked for."""


class LossHeadMismatch(Detector, tag="loss_head_mismatch"):
    """Fires where a loss is what it cannot be, or does not depend on the network.

    Negative: though an accuracy is logged, so that it is that of a classifier; or at once, after it had stayed above 0
    by `gap` interquartile ranges. Losses that cross 0 gradually are densities, bounds or rewards, and healthy.
    Constant: the same number, not a rounded one, over `constant_steps` from the first on; or a gradient of exactly 0
    from the first step on, while the loss gains nothing; or outputs that no longer vary over the examples, below
    `output_ratio` of what they did, while the loss has lost what it had gained. A learning rate of 0 excuses a loss
    that is constant.
    """

    gap: float
    constant_steps: float
    output_ratio: float
    progress: LossProgress = msgspec.field(default_factory=LossProgress)
    segments: Segments = msgspec.field(default_factory=Segments)
    is_classifier: bool = False
    is_negative: bool = False
    first: float | None = None
    same: int = 0
    has_varied: bool = False
    rate: float | None = None
    zero_gradients: int = 0
    has_gradient: bool = False
    largest_output: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.gap > 0.0 and self.constant_steps >= 2.0 and 0.0 < self.output_ratio < 1.0):
            raise ValueError("gap must be above 0, constant_steps at least 2, output_ratio above 0 and below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss or spread of the outputs; the rest is only noted."""
        if sample.signal == OUTPUT_STDDEV:
            return self._observe_output(sample, series, admission)
        if sample.signal == LOSS:
            self.progress.observe(sample, series, admission)
            if self.segments.begins(sample, series):
                self._forget()
            return UNKNOWN if admission is NONFINITE else self._observe_loss(sample, series)
        self._note(sample)
        return None

    def _forget(self) -> None:
        self.is_negative, self.first, self.has_varied, self.same = False, None, False, 0
        self.zero_gradients, self.has_gradient = 0, False

    def _note(self, sample: Sample) -> None:
        if sample.signal == LEARNING_RATE:
            self.rate = sample.value
        elif sample.signal == GRAD_NORM:
            self.has_gradient = self.has_gradient or sample.value != 0.0
            self.zero_gradients += 1
        else:
            self.is_classifier = True

    def _observe_loss(self, sample: Sample, series: Series) -> Verdict:
        self._compare_with_first(sample.value)
        verdict = self._negative(sample, series) or self._constant(sample) or self._without_gradient(sample)
        if verdict is not None:
            return verdict
        return OK if self.progress.count >= self.constant_steps else UNKNOWN

    def _compare_with_first(self, loss: float) -> None:
        """Count losses equal to the first, as long as all are."""
        if self.first is None:
            self.first = loss
        self.has_varied = self.has_varied or loss != self.first
        self.same = 0 if self.has_varied else self.same + 1

    def _negative(self, sample: Sample, series: Series) -> Verdict | None:
        if sample.value >= 0.0:
            self.is_negative = False
            return None
        self.is_negative = self.is_negative or self.is_classifier or self._has_stayed_above_zero(series)
        if not self.is_negative:
            return None
        return firing(sample, f"{sample.signal} {sample.value:.4g}, which cannot be below 0", 0.8, low=0.0)

    def _has_stayed_above_zero(self, series: Series) -> bool:
        window = series.baseline.window
        low, quarter, upper = window.quantile(LOW), window.quantile(0.25), window.quantile(0.75)
        if len(window) < series.baseline.minimum or low is None or quarter is None or upper is None:
            return False
        return low > max(0.0, self.gap * (upper - quarter))

    def _constant(self, sample: Sample) -> Verdict | None:
        if self.same < self.constant_steps or self.rate == 0.0 or not self._is_exact(sample.value):
            return None
        return firing(sample, f"{sample.signal} has been {sample.value:.6g} since the first step, exactly", 0.9)

    def _is_exact(self, loss: float) -> bool:
        """Return whether a loss that stays the same does not do so by rounding; so small, where no gradient is."""
        has_none = self.zero_gradients >= self.constant_steps and not self.has_gradient
        return has_none if loss == 0.0 else not looks_rounded(loss)

    def _without_gradient(self, sample: Sample) -> Verdict | None:
        if self.has_gradient or self.zero_gradients < PATIENCE or self.rate == 0.0:
            return None
        if looks_rounded(sample.value) or not self.progress.is_stuck(PATIENCE):
            return None
        return firing(
            sample, f"the gradient is exactly 0 since the first step, at {sample.signal} {sample.value:.4g}", 0.9
        )

    def _observe_output(self, sample: Sample, series: Series, admission: Admission) -> Verdict:
        if self.segments.begins(sample, series):
            self.largest_output = 0.0
        if admission is NONFINITE or sample.value < 0.0:
            return UNKNOWN
        self.largest_output = max(self.largest_output, sample.value)
        has_lost = self.progress.has_lost()
        if not self.largest_output or has_lost is None:
            return UNKNOWN
        expected = self.output_ratio * self.largest_output
        if sample.value > expected or not has_lost:
            return OK
        sentence = f"the outputs vary by {sample.value:.3g} over the examples, by {self.largest_output:.3g} before"
        return firing(sample, sentence, 0.8, low=expected)

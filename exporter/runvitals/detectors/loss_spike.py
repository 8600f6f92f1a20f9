"""A loss far above its recent level."""

from __future__ import annotations

from math import exp, log

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.series import Admission, Series
from runvitals.stats.baseline import Baseline
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict


class LossSpike(msgspec.Struct, tag="loss_spike"):
    """Fires where two views agree that the loss is high: robust z-score and interquartile fence, both one-sided.

    They look at the logarithm of the loss, on which published healthy runs are comparable; where a loss is negative
    they look at the loss itself for a window. A loss of exactly 0 (an empty or fully masked batch, a hinge) has no
    logarithm and is no spike: it is passed over. A rise below `minimum_ratio` times the median is harmless however
    unusual.
    """

    robust_zscore: float
    iqr_factor: float
    minimum_ratio: float
    logarithms: Baseline | None = None
    segment: int = 0
    is_signed: bool = False

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss."""
        logarithms = self._logarithms(series)
        if admission is Admission.NONFINITE:
            logarithms.settle()
            return UNKNOWN
        if sample.value > 0.0:
            logarithms.observe(log(sample.value))
        elif sample.value == 0.0 and not self.is_signed:
            logarithms.settle()
            return OK if len(logarithms.window) >= logarithms.minimum else UNKNOWN
        else:
            logarithms.clear()
            self.is_signed = True
        if logarithms.is_warm:
            return self._judge(sample, logarithms, in_logarithms=True)
        return self._judge(sample, series.baseline, in_logarithms=False) if self.is_signed else UNKNOWN

    def _logarithms(self, series: Series) -> Baseline:
        size, minimum = series.baseline.window.size, series.baseline.minimum
        if self.logarithms is None:
            self.logarithms = Baseline.of_size(size, minimum)
        self.logarithms.resize(size, minimum)
        if series.segment != self.segment:
            self.segment = series.segment
            self.logarithms.clear()
        return self.logarithms

    def _judge(self, sample: Sample, baseline: Baseline, *, in_logarithms: bool) -> Verdict:
        zscore, distance, median = baseline.robust_zscore, baseline.quartile_distance, baseline.window.median
        if zscore is None or median is None:
            return UNKNOWN
        if in_logarithms:
            median = exp(median)
        is_large = median <= 0.0 or sample.value > self.minimum_ratio * median
        # Without a spread between the quartiles (rounded values) the robust z-score stands alone.
        is_outside = distance is None or distance > self.iqr_factor
        if is_large and is_outside and zscore > self.robust_zscore:
            return self._firing(sample, median, zscore)
        return OK

    def _firing(self, sample: Sample, median: float, zscore: float) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} {sample.value:.4g} against a median of {median:.4g} (robust z-score {zscore:.3g})",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=median * self.minimum_ratio if median > 0.0 else None,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, zscore, beyond(zscore, self.robust_zscore), evidence)

"""A loss far above its recent level."""

from __future__ import annotations

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.level import Level
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

_CLEARLY = 2.0  # robust deviations


class LossSpike(msgspec.Struct, tag="loss_spike"):
    """Fires where the loss is far above its window, or is an outlier in the window and beside its local level alike.

    Far above: robust z-score over `robust_zscore`, beyond the interquartile fence, and more than `minimum_ratio` times
    what the window has seen every fifty steps. An outlier, such as one bad batch: `agreement` times `robust_zscore`
    suffices where the series' own outlier statistic, with the local level and the heaviness of the tail in it, says as
    much, and the loss is more than `minimum_ratio` times the median and two robust deviations above what the window has
    seen every fifty steps. A smaller rise is harmless however unusual.

    The window holds the logarithm of the loss, on which published healthy runs are comparable; once a loss is negative
    it holds the loss itself. A loss of exactly 0 (an empty or fully masked batch, a hinge) has no logarithm and is no
    spike: it is passed over.
    """

    robust_zscore: float
    iqr_factor: float
    minimum_ratio: float
    agreement: float
    level: Level = msgspec.field(default_factory=Level)

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss."""
        level = self.level
        level.follow(series)
        if sample.value < 0.0 and not level.is_linear:
            level.become_linear()
        if admission is Admission.NONFINITE:
            level.skip()
            return UNKNOWN
        if sample.value == 0.0 and not level.is_linear:
            level.skip()
            return OK if level.is_warm else UNKNOWN
        level.observe(sample.value)
        verdict = self._judge(sample, series.anomaly.outlier)
        level.settle(fired=verdict.state is State.FIRING)
        return verdict

    def _judge(self, sample: Sample, outlier: float) -> Verdict:
        zscore, median, rare = self.level.robust_zscore, self.level.median, self.level.rare
        if zscore is None or median is None or rare is None:
            return UNKNOWN
        is_outlier = min(zscore, outlier) > self.agreement * self.robust_zscore and self._is_large(sample, median)
        is_far = zscore > self.robust_zscore and self._is_large(sample, rare) and self._is_outside()
        if is_far or (is_outlier and self.level.is_beyond_rare(_CLEARLY)):
            return self._firing(sample, median, rare, zscore)
        return OK if not self.level.note else Verdict(State.OK, note=self.level.note)

    def _is_large(self, sample: Sample, usual: float) -> bool:
        return sample.value > (self.minimum_ratio * usual if usual > 0.0 else usual)

    def _is_outside(self) -> bool:
        distance = self.level.quartile_distance
        # Without a spread between the quartiles (rounded values) the robust z-score stands alone.
        return distance is None or distance > self.iqr_factor

    def _firing(self, sample: Sample, median: float, rare: float, zscore: float) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} {sample.value:.4g} against a median of {median:.4g} (robust z-score {zscore:.3g})",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=rare,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, zscore, beyond(zscore, self.robust_zscore), evidence)

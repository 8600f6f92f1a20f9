"""A loss far above its recent level."""

from __future__ import annotations

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.level import Level
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict


class LossSpike(msgspec.Struct, tag="loss_spike"):
    """Fires where two views agree that the loss is high: robust z-score and interquartile fence, both one-sided.

    They look at the logarithm of the loss, on which published healthy runs are comparable; once a loss is negative they
    look at the loss itself. A loss of exactly 0 (an empty or fully masked batch, a hinge) has no logarithm and is no
    spike: it is passed over. A rise to less than `minimum_ratio` times what the window has seen every fifty steps is
    harmless however unusual.
    """

    robust_zscore: float
    iqr_factor: float
    minimum_ratio: float
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
        verdict = self._judge(sample)
        level.settle(fired=verdict.state is State.FIRING)
        return verdict

    def _judge(self, sample: Sample) -> Verdict:
        is_rare = self.level.is_rare()
        if is_rare is None:
            return UNKNOWN
        if is_rare or self.minimum_ratio <= 1.0:
            return self._judge_rare(sample)
        return self._ok()

    def _judge_rare(self, sample: Sample) -> Verdict:
        level = self.level
        zscore, distance, median, rare = level.robust_zscore, level.quartile_distance, level.median, level.rare
        if zscore is None or median is None or rare is None:
            return UNKNOWN
        is_large = sample.value > (self.minimum_ratio * rare if rare > 0.0 else rare)
        # Without a spread between the quartiles (rounded values) the robust z-score stands alone.
        is_outside = distance is None or distance > self.iqr_factor
        if is_large and is_outside and zscore > self.robust_zscore:
            return self._firing(sample, median, rare, zscore)
        return self._ok()

    def _ok(self) -> Verdict:
        return OK if not self.level.note else Verdict(State.OK, note=self.level.note)

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

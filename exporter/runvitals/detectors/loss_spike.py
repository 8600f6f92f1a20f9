"""A loss far above its recent level."""

from __future__ import annotations

import msgspec

from runvitals.detectors.condition import Condition
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.level import Level
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

_FIRING = State.FIRING  # by a name of its own: an enum looks its members up anew each time

FIRST = 8
"""Losses whose median is what a run, or a part of it, began with."""


class LossSpike(Detector, tag="loss_spike"):
    """Fires where the loss is far above its window, or is an outlier in the window and beside its local level alike.

    Far above: robust z-score over `robust_zscore`, beyond the interquartile fence, and more than `minimum_ratio` times
    what the window has seen every fifty steps. An outlier, such as one bad batch: `agreement` times `robust_zscore`
    suffices where the series' own outlier statistic, with the local level and the heaviness of the tail in it, says as
    much, and the loss is more than `minimum_ratio` times the median and `rare_deviations` robust deviations above what
    the window has seen every fifty steps. A smaller rise is harmless however unusual, and so is a loss that is
    still below `harmless` times what the run, or a later part of it, began with: near 0 a loss doubles by chance.

    The window holds the logarithm of the loss, on which published healthy runs are comparable; once a loss is negative
    it holds the loss itself. A loss of exactly 0 (an empty or fully masked batch, a hinge) has no logarithm and is no
    spike: it is passed over.
    """

    robust_zscore: float
    iqr_factor: float
    minimum_ratio: float
    agreement: float
    rare_deviations: float
    harmless: float
    level: Level = msgspec.field(default_factory=Level)
    initial: float = 0.0
    first: list[float] = []

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss."""
        answer = self._take_in(sample, series, admission)
        if answer is not None:
            return answer
        verdict = self._judge(sample, series.anomaly.outlier)
        self.level.settle(fired=verdict.state is _FIRING)
        return verdict

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return what the verdict on a loss rests on; to be asked of a copy that has not seen it."""
        if self._take_in(sample, series, admission) is not None:
            return ()
        far = self._far(sample.value)
        return far if _are_met(far) else self._outlying(sample.value, series.anomaly.outlier)

    def _take_in(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Let the level follow; return the verdict on a loss that is not compared, None for one that is."""
        level = self.level
        if level.follow(series):
            self.first = []
        if admission is NONFINITE:
            level.skip()
            return UNKNOWN
        if sample.value < 0.0 and not level.is_linear:
            level.become_linear()
        if sample.value == 0.0 and not level.is_linear:
            level.skip()
            return OK if level.is_warm else UNKNOWN
        level.observe(sample.value)
        if len(self.first) < FIRST:
            self._note_first(sample.value)
        return None

    def _note_first(self, loss: float) -> None:
        self.first = [*self.first, loss]
        if len(self.first) == FIRST:
            self.initial = max(self.initial, sorted(self.first)[FIRST // 2])

    def _far(self, value: float) -> tuple[Condition, ...]:
        level, distance = self.level, self.level.quartile_distance
        return (
            Condition("robust_zscore", level.robust_zscore, self.robust_zscore),
            *self._harm(value),
            *(() if distance is None else (Condition("iqr_factor", distance, self.iqr_factor),)),
            self._ratio_condition(value, level.rare),
        )

    def _outlying(self, value: float, outlier: float) -> tuple[Condition, ...]:
        zscore = self.level.robust_zscore
        both = None if zscore is None else min(zscore, outlier)
        return (
            Condition("agreement", both, self.agreement * self.robust_zscore),
            *self._harm(value),
            self._ratio_condition(value, self.level.median),
            Condition("rare_deviations", self.level.deviations_beyond_rare, self.rare_deviations),
        )

    def _harm(self, value: float) -> tuple[Condition, ...]:
        if self.level.is_linear or not self.initial > 0.0:
            return ()
        return (Condition("harmless", value / self.initial, self.harmless),)

    def _ratio_condition(self, value: float, usual: float | None) -> Condition:
        if usual is None or usual > 0.0:
            return Condition("minimum_ratio", None if usual is None else value / usual, self.minimum_ratio)
        return Condition("minimum_ratio", value, usual)

    def _judge(self, sample: Sample, outlier: float) -> Verdict:
        is_rare = self.level.is_rare()
        if is_rare is None:
            return UNKNOWN
        if is_rare or self.minimum_ratio <= 1.0:  # else neither can be
            return self._judge_rare(sample, outlier)
        return self._ok()

    def _judge_rare(self, sample: Sample, outlier: float) -> Verdict:
        zscore, median, rare = self.level.robust_zscore, self.level.median, self.level.rare
        if zscore is None or median is None or rare is None:
            return UNKNOWN
        if _are_met(self._far(sample.value)) or _are_met(self._outlying(sample.value, outlier)):
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


def _are_met(conditions: tuple[Condition, ...]) -> bool:
    return all(condition.is_met for condition in conditions)

"""Gradient norms that explode: the level and the change agree."""

from __future__ import annotations

import msgspec

from runvitals.detectors.condition import Condition
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.explosion_probability import ExplosionProbability
from runvitals.detectors.level import Level
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

_FIRING = State.FIRING  # by a name of its own: an enum looks its members up anew each time


class GradientExplosion(Detector, tag="gradient_explosion"):
    """Fires where the norm is far above its recent level and has jumped, or is likely to.

    Level: above `level_ratio` times the window's median, above `recent_ratio` times what the window has seen every
    fifty steps, and a robust z-score of the norm's logarithm above `level_robust_zscore`. Change: explosion probability
    above `probability`, or relative change above `change`, or above `jump_ratio` times the median. Either alone is
    ordinary: noisy norms keep the probability high, and a learning-rate restart moves the level. It is blind in the
    first `series.minimum` steps, and to growth slower than the window.
    """

    level_ratio: float
    recent_ratio: float
    level_robust_zscore: float
    change: float
    probability: float
    jump_ratio: float
    explosion: ExplosionProbability | None = None
    level: Level = msgspec.field(default_factory=Level)

    def __post_init__(self) -> None:
        """Check the thresholds by making what depends on them."""
        if self.explosion is None:
            self.explosion = ExplosionProbability(self.change)

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest gradient norm."""
        if not self._take_in(sample, series, admission):
            return UNKNOWN
        verdict = self._judge(sample)
        self.level.settle(fired=verdict.state is _FIRING)
        return verdict

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return what the verdict on a gradient norm rests on; to be asked of a copy that has not seen it."""
        if not self._take_in(sample, series, admission):
            return ()
        level, forecast = self.level, self.forecast
        ratio = _ratio(sample.value, level.median)
        return (
            Condition("level_ratio", ratio, self.level_ratio),
            Condition("recent_ratio", _ratio(sample.value, level.rare), self.recent_ratio),
            Condition("level_robust_zscore", level.robust_zscore, self.level_robust_zscore),
            Condition("change", forecast.newest, self.change, "change"),
            Condition("probability", forecast.probability, self.probability, "change"),
            Condition("jump_ratio", ratio, self.jump_ratio, "change"),
        )

    def _take_in(self, sample: Sample, series: Series, admission: Admission) -> bool:
        """Let forecast and level follow; return whether the norm can be compared."""
        forecast = self.explosion = self.forecast
        forecast.change = self.change
        if self.level.follow(series):
            forecast.start_segment()
        forecast.observe(sample.value)
        if admission is NONFINITE or sample.value <= 0.0:
            self.level.skip()
            return False
        self.level.observe(sample.value)
        return True

    @property
    def forecast(self) -> ExplosionProbability:
        """The explosion probability at horizon 1 and what it rests on."""
        return self.explosion or ExplosionProbability(self.change)

    def _judge(self, sample: Sample) -> Verdict:
        is_rare = self.level.is_rare()
        if is_rare is None:
            return UNKNOWN
        if is_rare or self.recent_ratio <= 1.0:
            return self._judge_rare(sample)
        return self._ok()

    def _judge_rare(self, sample: Sample) -> Verdict:
        zscore, median, rare = self.level.robust_zscore, self.level.median, self.level.rare
        if zscore is None or not median or rare is None:
            return UNKNOWN
        is_high = sample.value > max(self.level_ratio * median, self.recent_ratio * rare)
        if is_high and zscore > self.level_robust_zscore and self._has_changed(sample.value / median):
            return self._firing(sample, median, zscore)
        return self._ok()

    def _ok(self) -> Verdict:
        return OK if not self.level.note else Verdict(State.OK, note=self.level.note)

    def _has_changed(self, ratio: float) -> bool:
        forecast = self.forecast
        return (
            ratio > self.jump_ratio
            or (forecast.newest or 0.0) > self.change
            or (forecast.probability or 0.0) > self.probability
        )

    def _firing(self, sample: Sample, median: float, zscore: float) -> Verdict:
        evidence = Evidence(
            f"{sample.signal} {sample.value:.4g} is {sample.value / median:.3g} times its median {median:.4g} "
            f"(robust z-score {zscore:.3g})",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_low=0.0,
            expected_high=median * self.level_ratio,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, zscore, beyond(zscore, self.level_robust_zscore), evidence)


def _ratio(value: float, usual: float | None) -> float | None:
    return value / usual if usual else None

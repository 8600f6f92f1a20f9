"""Gradient norms that explode: the level and the change agree."""

from __future__ import annotations

from math import exp, log

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.explosion_probability import ExplosionProbability
from runvitals.series import Admission, Series
from runvitals.stats.baseline import Baseline
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict


class GradientExplosion(msgspec.Struct, tag="gradient_explosion"):
    """Fires where the norm is far above its recent level and has jumped, or is likely to.

    Level: above `level_ratio` times the window's median, and a robust z-score of the norm's logarithm above
    `level_robust_zscore`. Change: explosion probability above `probability`, or relative change above `change`, or
    above `jump_ratio` times the median. Either alone is ordinary: noisy norms keep the probability high, and a
    learning-rate restart moves the level. It is blind in the first `series.minimum` steps, and to growth slower than
    the window.
    """

    level_ratio: float
    level_robust_zscore: float
    change: float
    probability: float
    jump_ratio: float
    explosion: ExplosionProbability | None = None
    logarithms: Baseline | None = None
    segment: int = 0

    def __post_init__(self) -> None:
        """Check the thresholds by making what depends on them."""
        if self.explosion is None:
            self.explosion = ExplosionProbability(self.change)

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest gradient norm."""
        explosion, logarithms = self._parts(series)
        explosion.observe(sample.value)
        if admission is Admission.NONFINITE or sample.value <= 0.0:
            logarithms.settle()
            return UNKNOWN
        logarithms.observe(log(sample.value))
        zscore = logarithms.robust_zscore
        if zscore is None:
            return UNKNOWN
        ratio = exp(min(log(sample.value) - (logarithms.window.median or 0.0), 700.0))
        if ratio > self.level_ratio and zscore > self.level_robust_zscore and self._has_changed(ratio):
            return self._firing(sample, ratio, zscore)
        return OK

    @property
    def forecast(self) -> ExplosionProbability:
        """The explosion probability at horizon 1 and what it rests on."""
        return self.explosion or ExplosionProbability(self.change)

    def _parts(self, series: Series) -> tuple[ExplosionProbability, Baseline]:
        explosion = self.explosion = self.forecast
        explosion.change = self.change
        size, minimum = series.baseline.window.size, series.baseline.minimum
        if self.logarithms is None:
            self.logarithms = Baseline.of_size(size, minimum)
        self.logarithms.resize(size, minimum)
        if series.segment != self.segment:
            self.segment = series.segment
            explosion.start_segment()
            self.logarithms.clear()
        return explosion, self.logarithms

    def _has_changed(self, ratio: float) -> bool:
        forecast = self.forecast
        return (
            ratio > self.jump_ratio
            or (forecast.newest or 0.0) > self.change
            or (forecast.probability or 0.0) > self.probability
        )

    def _firing(self, sample: Sample, ratio: float, zscore: float) -> Verdict:
        median = sample.value / ratio
        evidence = Evidence(
            f"{sample.signal} {sample.value:.4g} is {ratio:.3g} times its median {median:.4g} "
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

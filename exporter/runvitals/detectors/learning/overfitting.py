"""An evaluation loss that rises while the training loss falls."""

from __future__ import annotations

from math import exp, log
from statistics import median

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

LATEST = 3
REVERSALS = 5.0
"""How many mean reversals the rise must exceed: over five standard deviations of noise, the best being a lucky one."""


class Overfitting(Detector, tag="overfitting"):
    """Fires where three evaluations in a row are worse than the best by more than noise, and training goes on gaining.

    The newest must be above the best by the factor `rise`, and so must the median of the three by five times the
    evaluation loss's usual reversals: falls that make no new best, which a rise has few of and noise has many. Since
    the best, the mean training loss between two evaluations must have fallen by `train_gain`; and it must lie below the
    evaluation loss by the factor `gap`. A loss that can be negative has no ratio: unknown, as is all before the fourth
    evaluation and without a training loss.

    Double descent looks the same while it lasts.
    """

    rise: float
    gap: float
    train_gain: float
    segment: int = 0
    total: float = 0.0
    count: int = 0
    train: float | None = None
    best: float | None = None
    train_at_best: float | None = None
    latest: list[float] = []
    evaluations: int = 0
    reversals: float = 0.0
    moves: int = 0
    has_ratio: bool = True

    def __post_init__(self) -> None:
        """Refuse factors that any noise would pass."""
        if not (self.rise > 1.0 and self.gap > 1.0 and 0.0 < self.train_gain < 1.0):
            raise ValueError(
                "overfitting needs rise and gap above 1 and train_gain above 0 and below 1, "
                f"not {self.rise}, {self.gap} and {self.train_gain}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest evaluation loss; training losses are only noted."""
        if sample.signal == signals.EVAL_LOSS.name and series.segment != self.segment:
            self._begin(series.segment)
        is_usable = admission is not Admission.NONFINITE and sample.value > 0.0
        self.has_ratio = self.has_ratio and not sample.value < 0.0
        if sample.signal == signals.LOSS.name:
            if is_usable:
                self.total += log(sample.value)
                self.count += 1
            return None
        if not is_usable or not self.has_ratio:
            return UNKNOWN
        self._take(log(sample.value))
        return self._judge(sample)

    def _begin(self, segment: int) -> None:
        self.segment, self.total, self.count, self.train = segment, 0.0, 0, None
        self.best, self.train_at_best, self.latest, self.evaluations = None, None, [], 0
        self.reversals, self.moves, self.has_ratio = 0.0, 0, True

    def _take(self, value: float) -> None:
        if self.count:
            self.train, self.total, self.count = self.total / self.count, 0.0, 0
        self.evaluations += 1
        if self.best is None or value < self.best:
            self.best, self.train_at_best = value, self.train
        elif self.latest:
            self.moves += 1
            self.reversals += max(self.latest[-1] - value, 0.0)
        self.latest = [*self.latest[1 - LATEST :], value]

    def _judge(self, sample: Sample) -> Verdict:
        best, train, then = self.best, self.train, self.train_at_best
        if self.evaluations <= LATEST or best is None or train is None or then is None:
            return UNKNOWN
        rise = self.latest[-1] - best
        if not (min(self.latest) > best and rise > log(self.rise) and median(self.latest) - best > self._noise):
            return OK
        if train > then + log(1.0 - self.train_gain) or self.latest[-1] - train < log(self.gap):
            return OK
        return self._firing(sample, rise)

    @property
    def _noise(self) -> float:
        """What the median of three may lie above the best by chance; every other move of mere noise is a reversal."""
        return REVERSALS * 2.0 * self.reversals / self.moves if self.moves else 0.0

    def _firing(self, sample: Sample, rise: float) -> Verdict:
        best, train, then = exp(self.best or 0.0), exp(self.train or 0.0), exp(self.train_at_best or 0.0)
        evidence = Evidence(
            f"{sample.signal} has risen from {best:.4g} to {sample.value:.4g} while the training loss fell from "
            f"{then:.4g} to {train:.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=best * self.rise,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, exp(min(rise, 709.0)), beyond(rise, log(self.rise)), evidence)

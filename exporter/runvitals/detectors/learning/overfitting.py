"""An evaluation loss that rises while the training loss falls."""

from __future__ import annotations

from math import log
from statistics import median

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative, original
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

LOSS = signals.LOSS.name

LATEST = 3
REVERSALS = 14.0
"""So many mean reversals are eight standard deviations of a noise that has no memory; the best is a lucky one."""

ASSUMED_MOVES, ASSUMED_REVERSALS = 4, 0.15
"""What is taken for seen before the first evaluation: a noise of some 6 %."""

FIRST = 8
"""Losses that training begins with."""

HARMLESS = 0.02
"""Share of the loss that training began with below which there is nothing left to lose."""

BY_HEART = 3.0
"""Part of the rise that suffices where the training data are being learned by heart."""

KNOWN = 16
"""Moves of the evaluation loss from which on its noise is known well enough without a row of rises."""


class Overfitting(Detector, tag="overfitting"):
    """Fires where the evaluation loss has risen by more than noise since its best, and training went on gaining.

    Compared are medians of three evaluations, so that no single lucky or unlucky one decides. The newest must be above
    the best by the factor `rise`, and by 14 times the evaluation loss's mean reversal: how far it falls, per move,
    without making a new best; a rise has few such falls, noise has many. The last three evaluations must all be above
    the best, and where fewer than 16 moves tell of the noise, each higher than the one before. Since the best, the mean
    training loss between two evaluations must have fallen by `train_gain`, and it must lie below the evaluation loss by
    the factor `gap`. Where the training loss has fallen to a tenth since, the data are being learned by heart, and a
    third of the rise suffices. An evaluation loss below HARMLESS times the loss that training began with is as good as
    none. A loss that can be negative has no ratio: unknown, as is all before the fourth evaluation and without a
    training loss.

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
    level: float = 0.0
    lowest: float = 0.0
    latest: list[float] = []
    evaluations: int = 0
    reversals: float = 0.0
    moves: int = 0
    rises: int = 0
    is_on: bool = False
    start: float = 0.0
    started: int = 0
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
        self.has_ratio = self.has_ratio and not is_negative(sample.value)
        is_usable = admission is not NONFINITE and has_logarithm(sample.value)
        if sample.signal == LOSS:
            if is_usable:
                self._note_start(log(sample.value))
                self.total += log(sample.value)
                self.count += 1
            return None
        if series.segment != self.segment:
            self._begin(series.segment)
        if not is_usable or not self.has_ratio:
            return UNKNOWN
        self._take(log(sample.value))
        return self._judge(sample)

    def _begin(self, segment: int) -> None:
        self.segment, self.total, self.count, self.train = segment, 0.0, 0, None
        self.best, self.train_at_best, self.latest, self.evaluations = None, None, [], 0
        self.reversals, self.moves, self.rises, self.is_on, self.has_ratio = 0.0, 0, 0, False, True

    def _take(self, value: float) -> None:
        if self.count:
            self.train, self.total, self.count = self.total / self.count, 0.0, 0
        self.evaluations += 1
        if self.latest and value > self.lowest:
            self.moves += 1
            self.reversals += max(self.latest[-1] - value, 0.0)
        self.rises = self.rises + 1 if self.latest and value > self.latest[-1] else 0
        self.lowest = min(self.lowest, value) if self.latest else value
        self.latest = [*self.latest[1 - LATEST :], value]
        self.level = median(self.latest)
        if len(self.latest) == LATEST and (self.best is None or self.level < self.best):
            self.best, self.train_at_best = self.level, self.train

    def _note_start(self, value: float) -> None:
        if self.started < FIRST:
            self.started += 1
            self.start += (value - self.start) / self.started

    def _judge(self, sample: Sample) -> Verdict:
        best, train, then = self.best, self.train, self.train_at_best
        if self.evaluations <= LATEST or best is None or train is None or then is None:
            return UNKNOWN
        rise = self.level - best
        if self.level < self.start + log(HARMLESS):
            self.is_on = False
            return OK
        needed = log(self.rise) / (BY_HEART if train < then - log(10.0) else 1.0)
        has_gained = train < then + log(1.0 - self.train_gain) and self.level - train > log(self.gap)
        is_sure = self.is_on or (rise > self._noise and (self.moves >= KNOWN or self.rises >= LATEST))
        self.is_on = is_sure and has_gained and rise > needed and min(self.latest) > self.lowest
        return self._firing(sample, rise) if self.is_on else OK

    @property
    def _noise(self) -> float:
        return REVERSALS * (self.reversals + ASSUMED_REVERSALS) / (self.moves + ASSUMED_MOVES)

    def _firing(self, sample: Sample, rise: float) -> Verdict:
        best, train, then = (original(one or 0.0) for one in (self.best, self.train, self.train_at_best))
        evidence = Evidence(
            f"{sample.signal} has risen from {best:.4g} to {sample.value:.4g} while the training loss fell from "
            f"{then:.4g} to {train:.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=original((self.best or 0.0) + log(self.rise)),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, original(rise), beyond(rise, log(self.rise)), evidence)

"""Gradients that vanish: on the way through the layers, or for the network as a whole."""

from __future__ import annotations

from math import exp, inf, log

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.lasting import Lasting
from runvitals.detectors.loss_progress import LossProgress
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

MINIMUM = 64
"""Steps that must have been taken: a head that starts at 0 lets hardly any gradient through at first."""

FEWEST = 8
"""Norms that must have been seen by then, and steps over which it must have been so."""

SPAN = 16
CLIMB = log(2.0)
"""A share that has doubled against its mean is on its way up."""


class VanishingGradient(Detector, tag="vanishing_gradient"):
    """Fires where the gradient is tiny in absolute terms and against another, while the loss has nothing of it.

    Between layers: the norm of one end of the network is below `ratio` times that of the other, and below `norm`. The
    ends are the first and the last layer, in the order in which layers were first logged with a gradient other than 0.
    As a whole: the norm is below `ratio` times the highest level it has had, and below `norm`. A run whose loss has
    improved, and stays so, has converged; not so where the one end has never had more than that share of the other:
    what such a network gains, up to half of the loss, the layers near the loss have learned alone, unless it goes on
    falling. It must have been so over eight steps. Unknown without a loss, and over the first 64 steps. A gradient of
    exactly 0 tells nothing: it is frozen, masked or rounded.
    """

    ratio: float
    norm: float
    progress: LossProgress = msgspec.field(default_factory=LossProgress)
    segments: Segments = msgspec.field(default_factory=Segments)
    layers: set[str] = set()
    first: str = ""
    last: str = ""
    ends: dict[str, tuple[int | None, float]] = {}
    pairs: int = 0
    began: int | None = None
    share: float = 0.0
    largest: float = -inf
    lasting: Lasting = msgspec.field(default_factory=Lasting)
    count: int = 0
    level: float = 0.0
    highest: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not 0.0 < self.ratio < 1.0 or not self.norm > 0.0:
            raise ValueError(f"ratio must be above 0 and below 1, norm above 0, not {self.ratio} and {self.norm}")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest norm; None for a loss and for the layers between the ends."""
        if sample.signal == signals.LOSS.name:
            self.progress.observe(sample, series, admission)
            return None
        if self.segments.begins(sample, series):
            self._forget()
        if sample.layer:
            return None if admission is NONFINITE else self._observe_layer(sample)
        if admission is NONFINITE or sample.value <= 0.0:
            return UNKNOWN
        return self._observe_whole(sample)

    def _forget(self) -> None:
        self.layers, self.ends, self.first, self.last = set(), {}, "", ""
        self.pairs = self.count = 0
        self.share = self.level = self.highest = 0.0
        self.began, self.largest = None, -inf
        self.lasting.forget()

    def _observe_whole(self, sample: Sample) -> Verdict:
        self.count += 1
        norm = min(sample.value, 1e300)
        self.level += (norm - self.level) / min(self.count, SPAN)
        if self.count >= SPAN:
            self.highest = max(self.highest, self.level)
        has_lost = self.progress.has_lost()
        if self.count < MINIMUM or has_lost is None:
            return UNKNOWN
        has_vanished = has_lost and norm < self.norm and norm < self.ratio * self.highest
        if self.lasting.observe("", sample, holds=has_vanished) < FEWEST:
            return UNKNOWN if has_vanished else OK
        sentence = f"{sample.signal} {norm:.3g}, after {self.highest:.3g}, while the loss is no better for it"
        return self._firing(sample, sentence, norm / self.highest)

    def _observe_layer(self, sample: Sample) -> Verdict | None:
        if sample.value <= 0.0:
            return None
        if sample.layer not in self.layers:
            self._add_layer(sample.layer)
        if sample.layer not in (self.first, self.last):
            return None
        other = self.ends.get(self.last if sample.layer == self.first else self.first)
        self.ends[sample.layer] = sample.step, sample.value
        if other is None or other[0] != sample.step:
            return None
        return self._compare(sample, other[1])

    def _add_layer(self, layer: str) -> None:
        self.layers.add(layer)
        if self.first:
            self.ends.pop(self.last, None)
            self.last, self.pairs, self.began, self.largest = layer, 0, None, -inf
        else:
            self.first = layer

    def _compare(self, sample: Sample, other: float) -> Verdict:
        """Judge the norms of the two ends at the same step."""
        low, high = sorted((sample.value, other))
        share = log(low) - log(high)
        self.pairs += 1
        self.share += (share - self.share) / min(self.pairs, 2 * SPAN)
        self.largest = max(self.largest, share)
        has_lost = self._has_lost()
        if not self._is_warm(sample) or has_lost is None:
            return UNKNOWN
        is_rising = share > self.share + CLIMB
        has_vanished = has_lost and not is_rising and low < self.norm and share < log(self.ratio)
        if self.lasting.observe("ends", sample, holds=has_vanished) < FEWEST:
            return UNKNOWN if has_vanished else OK
        where = self.first if (sample.value == low) == (sample.layer == self.first) else self.last
        sentence = f"gradient norm of {where} {low:.3g}, {exp(share):.2g} times that of the network's other end"
        return self._firing(sample, sentence, exp(share))

    def _is_warm(self, sample: Sample) -> bool:
        """Return whether the ends have been compared for long enough: by steps where there are any."""
        if self.began is None:
            self.began = sample.step
        if self.began is None or sample.step is None:
            return self.pairs >= MINIMUM
        return self.pairs >= FEWEST and sample.step - self.began >= MINIMUM

    def _has_lost(self) -> bool | None:
        """Return whether the loss has nothing of a gradient that hardly arrives; None while unknown."""
        gain = self.progress.gain
        if gain is not None and gain < 0.5 and self.largest < log(self.ratio):
            return not self.progress.is_falling
        return self.progress.has_lost()

    def _firing(self, sample: Sample, sentence: str, share: float) -> Verdict:
        score = log(share) / log(self.ratio) if share > 0.0 else 100.0
        return firing(sample, sentence, beyond(score, 1.0), score=score, low=self.norm)

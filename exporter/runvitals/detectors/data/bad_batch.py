"""A single batch unlike the others: the loss jumps for a step or two, and comes back."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.data.jump import jump
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Event, Sample, Verdict

LOSS = signals.LOSS.name
GRAD_NORM = signals.GRAD_NORM.name
INPUT_NONFINITE_RATIO = signals.INPUT_NONFINITE_RATIO.name

REMEMBERED = 16
"""Batch ids, and steps at which something else jumped, that are kept."""

FIRST_LOSSES = 8
HARMLESS = 0.1
"""A loss below this share of what the run began with does no harm, however far it stands out."""

LOSSES_TO_RETURN = 3
"""Losses after the jump within which it must be back."""

GIVEN_UP = 256
"""Losses after which one that has not come back stays."""


class Pending(msgspec.Struct):
    """A loss that has jumped, and may come back. `usual` is its median before, `back` what it must fall below."""

    loss: Sample
    zscore: float
    usual: float
    back: float
    waited: int = 0


class BadBatch(Detector, tag="bad_batch"):
    """Fires once a loss that had jumped is back within three steps; at once where the input of that step was odd too.

    A loss is of the batch alone, before the network has learned from it: parameters that have gone wrong do not come
    back at the next step. Where gradient norms are logged, that of the step, or of the one after it, must have jumped
    as well; without them the loss must jump by `alone_zscore`, and one that is not finite tells nothing of its batch.
    An odd input is one that is not finite, or whose mean, standard deviation or missing share has jumped. Batches that
    are marked with their step are named by their ids.
    """

    zscore: float
    alone_zscore: float
    minimum_ratio: float
    segments: Segments = msgspec.field(default_factory=Segments)
    count: int = 0
    initial: float = 0.0
    pending: Pending | None = None
    newest_gradient: int | None = None
    gradient_jumps: list[int] = []
    odd_inputs: dict[int, str] = {}
    batches: dict[int, str] = {}

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (0.0 < self.zscore <= self.alone_zscore and self.minimum_ratio >= 1.0):
            raise ValueError("zscore must be above 0, alone_zscore not below it, minimum_ratio at least 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss; the rest is only noted."""
        if self.segments.begins(sample, series) and sample.signal == LOSS:
            self._forget()
        if sample.signal == LOSS:
            return self._observe_loss(sample, series, admission)
        if sample.step is None:
            return None
        if sample.signal == GRAD_NORM:
            self.newest_gradient = sample.step
            if self._has_jumped(sample, series):
                self.gradient_jumps = [*self.gradient_jumps, sample.step][-REMEMBERED:]
        elif self._is_odd(sample, series):
            self.odd_inputs[sample.step] = sample.signal
            _keep_newest(self.odd_inputs)
        return None

    def _forget(self) -> None:
        self.count, self.initial = 0, 0.0
        self.pending, self.newest_gradient, self.gradient_jumps, self.odd_inputs = None, None, [], {}

    def observe_event(self, event: Event) -> Verdict | None:
        """Note the id of a batch."""
        if event.step is not None:
            self.batches[event.step] = event.text
            _keep_newest(self.batches)
        return None

    def _observe_loss(self, sample: Sample, series: Series, admission: Admission) -> Verdict:
        if self.count < FIRST_LOSSES and admission is not NONFINITE:
            self.count += 1
            self.initial += (sample.value - self.initial) / self.count
        if len(series.baseline.window) < series.baseline.minimum:
            return UNKNOWN
        verdict = self._follow_up(sample)
        is_harmless = sample.value < HARMLESS * self.initial
        if (
            verdict is None
            and self.pending is None
            and not is_harmless
            and self._has_jumped(sample, series, self._needed(sample))
        ):
            self._suspect(sample, series)
            verdict = self._with_odd_input()
        if verdict is not None:
            return verdict
        return UNKNOWN if admission is NONFINITE else OK

    def _needed(self, loss: Sample) -> float:
        """Return how far a loss must jump: half as far where the input of its step is odd."""
        return self.zscore / 2.0 if loss.step in self.odd_inputs else self.zscore

    def _has_jumped(self, sample: Sample, series: Series, needed: float | None = None) -> bool:
        found = jump(sample.value, series, self.minimum_ratio)
        if found is None:  # not finite, where the window is warm
            return len(series.baseline.window) >= series.baseline.minimum
        return found > (self.zscore if needed is None else needed)

    def _is_odd(self, sample: Sample, series: Series) -> bool:
        if sample.signal == INPUT_NONFINITE_RATIO:
            return sample.value > 0.0
        return self._has_jumped(sample, series)

    def _suspect(self, sample: Sample, series: Series) -> None:
        window = series.baseline.window
        median, rare = window.median or 0.0, window.quantile(0.98) or 0.0
        zscore = jump(sample.value, series, self.minimum_ratio)
        self.pending = Pending(sample, self.zscore if zscore is None else zscore, median, rare)

    def _with_odd_input(self) -> Verdict | None:
        """Return the verdict on a pending jump whose input is known to be odd; nothing is waited for then."""
        pending = self.pending
        odd = self.odd_inputs.get(pending.loss.step) if pending and pending.loss.step is not None else None
        if pending is None or odd is None:
            return None
        self.pending = None
        return self._firing(pending, f", and so is {odd}")

    def _follow_up(self, sample: Sample) -> Verdict | None:
        """Look at what has become of a loss that had jumped."""
        pending = self.pending
        if pending is None:
            return None
        pending.waited += 1
        verdict = self._with_odd_input() if pending.waited == 1 else None
        if verdict is not None:
            return verdict
        if sample.value <= pending.back:
            self.pending = None
            has_confirmed = pending.waited <= LOSSES_TO_RETURN and self._is_confirmed(pending)
            return self._firing(pending, " and is back") if has_confirmed else None
        if pending.waited >= GIVEN_UP:
            self.pending = None
        return None

    def _is_confirmed(self, pending: Pending) -> bool:
        step = pending.loss.step
        if step is None or self.newest_gradient is None or self.newest_gradient < step:
            return pending.zscore > self.alone_zscore
        return any(step <= jumped <= step + 1 for jumped in self.gradient_jumps)

    def _firing(self, pending: Pending, what: str) -> Verdict:
        loss = pending.loss
        batch = self.batches.get(loss.step) if loss.step is not None else None
        name = f"batch {batch}" if batch else f"the batch of step {loss.step}"
        sentence = f"{name}: {loss.signal} {loss.value:.4g}, usually {pending.usual:.4g}{what}"
        return firing(loss, sentence, beyond(pending.zscore, self.zscore), score=pending.zscore, high=pending.back)


def _keep_newest(known: dict[int, str]) -> None:
    """Forget the oldest beyond REMEMBERED."""
    while len(known) > REMEMBERED:
        del known[next(iter(known))]

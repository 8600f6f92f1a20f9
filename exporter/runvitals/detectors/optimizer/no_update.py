"""Parameters that stay as they are although there is a gradient and a learning rate."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors import float32
from runvitals.detectors.decimals import looks_rounded
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.optimizer.longest_pause import LongestPause
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Sample, Verdict

SMALLEST_RATE = 1e-6
"""Below, steps may be lost in the rounding of float32 without a fault."""

DECAYED = 0.01
"""Below this share of its highest value, the learning rate is at the end of its schedule, or at its start."""

SMALLEST_GRADIENT = 1e-5
CONVERGED = 0.01
"""Below this share of its highest norm, the gradient has little left to tell."""

LOST_IN_ROUNDING = 1e-8
"""Learning rate times gradient norm below which a plain step may be lost in the rounding of float32."""

VISIBLE = 1e-4
"""Learning rate times gradient norm above which the smallest step of any optimizer is above `ratio`."""


class Height(msgspec.Struct):
    """A quantity now, and the highest it was."""

    newest: float = 0.0
    highest: float = 0.0

    def observe(self, value: float) -> None:
        """Take the next value; one that is not finite, or that float32 could not hold, is none."""
        self.newest = value if 0.0 <= value <= float32.LARGEST else 0.0
        self.highest = max(self.highest, self.newest)

    def is_in_force(self, smallest: float, share: float) -> bool:
        """Return whether it is neither small nor far below what it was."""
        return self.newest >= max(smallest, share * self.highest)


class NoUpdate(Detector, tag="no_update"):
    """Fires where the parameters do not move: an update below `ratio`, or a norm and a checksum that stay the same.

    Only steps with a gradient and a learning rate count, and of tiny ones only those that any optimizer would show.
    Between the updates of gradient accumulation the parameters rest: the pause must be `steps` observations and three
    times the longest that has ended; `start_steps` steps before the first update. Where only norm and checksum are
    logged it must be `constant_steps`; rounded ones tell nothing.
    """

    ratio: float
    steps: float
    start_steps: float
    constant_steps: float
    segments: Segments = msgspec.field(default_factory=Segments)
    rate: Height | None = None
    gradients: dict[str, Height] = {}
    updates: dict[str, LongestPause] = {}
    parameters: LongestPause = msgspec.field(default_factory=LongestPause)
    known: dict[str, float] = {}
    has_digits: bool = False

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (0.0 < self.ratio < 1.0 and 1.0 <= self.steps <= self.start_steps and self.constant_steps >= 2.0):
            raise ValueError(
                "ratio must be above 0 and below 1, steps from 1 to start_steps, constant_steps at least 2"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest update, norm or checksum; gradients and rates are only noted."""
        if self.segments.begins(sample, series):
            self._forget()
        if sample.signal == signals.LEARNING_RATE.name:
            self.rate = self.rate or Height()
            self.rate.observe(sample.value)
        elif sample.signal == signals.GRAD_NORM.name:
            self.gradients.setdefault(sample.layer, Height()).observe(sample.value)
        elif admission is NONFINITE:
            return UNKNOWN
        else:
            return self._observe_update(sample) if sample.signal == signals.UPDATE_RATIO.name else self._compare(sample)
        return None

    def _forget(self) -> None:
        self.rate, self.gradients, self.updates, self.known = None, {}, {}, {}
        self.parameters = LongestPause()

    def _is_due(self, layer: str) -> bool | None:
        """Return whether an update is due; None where it cannot be known."""
        gradient = self.gradients.get(layer)
        if self.rate is None or gradient is None:
            return None
        return self.rate.is_in_force(SMALLEST_RATE, DECAYED) and gradient.is_in_force(SMALLEST_GRADIENT, CONVERGED)

    def _plain_step(self, layer: str) -> float:
        """Return the length of the step that gradient descent would take."""
        return self.rate.newest * self.gradients[layer].newest if self.rate else 0.0

    def _observe_update(self, sample: Sample) -> Verdict:
        is_due = self._is_due(sample.layer)
        if is_due is None:
            return UNKNOWN
        self.has_digits = self.has_digits or not looks_rounded(sample.value)
        is_due = (
            is_due
            and (self.has_digits or not self._has_updates)
            and self._plain_step(sample.layer) >= (VISIBLE if sample.value else LOST_IN_ROUNDING)
        )
        pause = self.updates.setdefault(sample.layer, LongestPause())
        has_moved = abs(sample.value) >= self.ratio
        if has_moved or is_due:
            pause.observe(moved=has_moved, step=sample.step)
        if has_moved or not is_due or not pause.exceeds(self.steps, self.start_steps, sample.step):
            return OK if pause.has_moved or not is_due else UNKNOWN
        where = f" of {sample.layer}" if sample.layer else ""
        sentence = (
            f"the parameters{where} change by {sample.value:.3g} of their norm a step, {self._despite(sample.layer)}"
        )
        return firing(sample, sentence, 0.9, low=self.ratio)

    @property
    def _has_updates(self) -> bool:
        """Whether any layer has moved: of updates that were all rounded, one of 0 tells nothing."""
        return any(pause.moves for pause in self.updates.values())

    def _compare(self, sample: Sample) -> Verdict | None:
        """Judge a norm or a checksum of all parameters."""
        if sample.layer:
            return None
        before = self.known.get(sample.signal)
        self.known[sample.signal] = sample.value
        is_due = self._is_due("")
        if before is None or is_due is None or looks_rounded(sample.value):
            return UNKNOWN
        has_moved = sample.value != before
        if has_moved or is_due:
            self.parameters.observe(moved=has_moved)
        if has_moved or not is_due or not self.parameters.exceeds(self.constant_steps, self.constant_steps):
            return OK if self.parameters.has_moved or not is_due else UNKNOWN
        sentence = f"{sample.signal} stays at {sample.value:.8g} for {self.parameters.still} steps, {self._despite('')}"
        return firing(sample, sentence, 0.8)

    def _despite(self, layer: str) -> str:
        rate = self.rate.newest if self.rate else 0.0
        return f"with learning rate {rate:.3g} and gradient norm {self.gradients[layer].newest:.3g}"

"""A run that resumes with a loss far above what it had at that step."""

from __future__ import annotations

from math import exp, log

import msgspec

from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.loss_by_step import LossByStep
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Event, Evidence, Sample, State, Verdict

SPAN = 8
PACE = 4
"""The level is remembered once for so many values; it moves little in between."""

FEWEST = 32
"""Losses that must have been seen before anything can be compared with them."""

EVERY = 16
"""One verdict for so many values where no resume is watched."""

_TO_DEVIATION = 0.886
"""Standard deviation of normal values, by the mean absolute difference of neighbours."""

_FORGETTING = 1.0 / 64.0


class ResumeLostState(Detector, tag="resume_lost_state"):
    """Fires where, `samples` losses after a resume, the loss is still far above its level at that step before.

    A resume is one that is declared, a new start of the run's process, or a step that does not go forward. Far: the
    exponential mean over 8 values of the loss's logarithm lies above the highest that it was around that step by
    `deviations` standard deviations of a single loss, and by the factor `ratio`. So a bump that heals is none, and
    neither is a run that begins from scratch, whose first loss is what it was. It fires until the loss is back halfway.

    A declared phase is another task: what was before is forgotten. Unknown until the first losses have been seen, for
    losses without steps, and for a loss that can be negative.
    """

    samples: float
    ratio: float
    deviations: float
    history: LossByStep = msgspec.field(default_factory=LossByStep)
    segment: int = 0
    seen: int = 0
    step: int | None = None
    level: float = 0.0
    previous: float | None = None
    difference: float = 0.0
    is_declared: bool = False
    since: int | None = None
    expected: float = 0.0
    margin: float = 0.0
    is_on: bool = False
    has_ratio: bool = True

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.samples >= SPAN and self.ratio > 1.0 and self.deviations > 0.0):
            raise ValueError(
                f"resume_lost_state needs samples from {SPAN}, ratio above 1 and deviations above 0, "
                f"not {self.samples}, {self.ratio} and {self.deviations}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest loss."""
        is_new_segment, self.segment = series.segment != self.segment, series.segment
        if admission is Admission.NONFINITE or sample.value <= 0.0 or sample.step is None:
            self.has_ratio = self.has_ratio and not sample.value < 0.0
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        if is_new_segment or self.is_declared or (self.step is not None and sample.step <= self.step):
            self._begin(sample.step)
        self._learn(sample.step, log(sample.value))
        return self._verdict(sample)

    def observe_event(self, event: Event) -> Verdict | None:  # noqa: ARG002  # its kind is all there is to know
        """Note that the run resumes or its process starts anew."""
        self.is_declared = True
        return None

    def _begin(self, step: int) -> None:
        """Compare what comes with what was at this step, unless another phase begins."""
        went_back = self.step is not None and step <= self.step
        expected = self.history.around(step) if self.seen >= FEWEST else None
        if not self.is_declared and not went_back:  # a segment that goes forward undeclared is a declared phase
            self.history, self.seen, expected = LossByStep(), 0, None
        self.history.go_back(step)
        self.is_declared, self.is_on, self.previous = False, False, None
        self.since = None if expected is None else 0
        if expected is not None:
            noise = self.deviations * _TO_DEVIATION * self.difference
            self.expected, self.margin = expected, max(noise, log(self.ratio))

    def _learn(self, step: int, value: float) -> None:
        self.step = step
        self.seen += 1
        if self.previous is None:
            self.level = value
        else:
            self.level += (value - self.level) / SPAN
            if self.since is None:
                change = abs(value - self.previous)
                self.difference += (change - self.difference) * max(_FORGETTING, 1.0 / self.seen)
        self.previous = value
        if not self.seen % PACE:
            self.history.observe(step, self.level)

    def _verdict(self, sample: Sample) -> Verdict | None:
        if self.since is None:
            return self._unwatched()
        self.since += 1
        excess = self.level - self.expected
        if excess <= (0.5 * self.margin if self.is_on else self.margin):
            if self.is_on or self.since >= SPAN:
                self.since, self.is_on = None, False
            return OK
        self.is_on = self.is_on or self.since >= self.samples
        return self._firing(sample, excess) if self.is_on else OK

    def _unwatched(self) -> Verdict | None:
        if self.seen % EVERY:
            return None
        return OK if self.seen >= FEWEST else UNKNOWN

    def _firing(self, sample: Sample, excess: float) -> Verdict:
        expected = exp(self.expected)
        evidence = Evidence(
            f"{sample.signal} is {sample.value:.4g}, {self.since} values after a resume; around that step it was at "
            f"most {expected:.4g}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=expected * exp(self.margin),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, excess / self.margin, beyond(excess, self.margin), evidence)

"""A loss scale that falls and falls, because gradients keep overflowing."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.detector import Detector
from runvitals.detectors.firing import firing
from runvitals.detectors.segments import Segments
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Event, Sample, Verdict

LOSS = signals.LOSS.name
LOSS_SCALE = signals.LOSS_SCALE.name

WINDOW = 100
"""Steps over which halvings are counted; as many without one end the search for the first scale."""

LONG_WINDOW = 500
"""Steps over which the share of skipped ones is taken."""

KEPT = 64
"""Steps with an overflow that are remembered; more in a window change no verdict."""


class Overflows(msgspec.Struct):
    """The steps at which something overflowed, once the search for the first scale is over.

    Dynamic loss scaling begins with a scale far too high and comes down, an overflow at a time. The search is over
    after WINDOW steps without one, and after LONG_WINDOW steps at the latest.
    """

    begun: int | None = None
    newest: int | None = None
    has_settled: bool = False
    steps: list[int] = []

    def begin(self, step: int) -> None:
        """Take a step of which it is known whether it overflowed."""
        if self.begun is None:
            self.begun = step
        since = self.begun if self.newest is None else self.newest
        self.has_settled = self.has_settled or step - since >= WINDOW or step - self.begun >= LONG_WINDOW

    def observe(self, step: int, times: int = 1) -> None:
        """Take a step that overflowed, or so many."""
        self.begin(step)
        self.newest = step
        if self.has_settled:
            self.steps = [*self.steps, *[step] * min(times, KEPT)][-KEPT:]

    def within(self, step: int, window: int) -> int:
        """Return how many there were in the last `window` steps."""
        return sum(step - window < one <= step for one in self.steps)


class AmpScaleCollapse(Detector, tag="amp_scale_collapse"):
    """Fires where the loss scale was halved at least `halvings` times more than doubled in 100 steps, or is at `floor`.

    Also where more than `skipped_ratio` of the last 500 steps, and more than `halvings`, were skipped. The search for
    the first scale is healthy. Overflows that a log tells of count where no scale is logged.
    A scale that has always been at or below the floor is bfloat16's, which needs none.
    """

    halvings: float
    floor: float
    skipped_ratio: float
    segments: Segments = msgspec.field(default_factory=Segments)
    count: int = 0
    scale: float = 0.0
    largest: float = 0.0
    halved: Overflows = msgspec.field(default_factory=Overflows)
    doubled: list[int] = []
    skipped: Overflows = msgspec.field(default_factory=Overflows)
    skipped_total: float | None = None
    logged: Overflows = msgspec.field(default_factory=Overflows)
    step: int | None = None

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        if not (self.halvings >= 1.0 and self.floor >= 0.0 and 0.0 < self.skipped_ratio < 1.0):
            raise ValueError("halvings must be at least 1, floor from 0, skipped_ratio above 0 and below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest scale or number of skipped steps; on a loss if a log told of overflows."""
        if self.segments.begins(sample, series):
            self._forget(sample.signal)
        if sample.signal == LOSS:
            return self._observe_step(sample)
        if admission is NONFINITE or sample.value < 0.0:
            return UNKNOWN
        return self._observe_scale(sample) if sample.signal == LOSS_SCALE else self._observe_skipped(sample)

    def observe_event(self, event: Event) -> Verdict | None:
        """Note an overflow that a log tells of."""
        step = self.step if event.step is None else event.step
        if step is not None and not self.count:
            self.logged.observe(step)
        return None

    def _forget(self, signal: str) -> None:
        if signal == LOSS_SCALE:
            self.count, self.scale, self.largest, self.halved, self.doubled = 0, 0.0, 0.0, Overflows(), []
        elif signal == LOSS:
            self.step, self.logged = None, Overflows()
        else:
            self.skipped_total, self.skipped = None, Overflows()

    def _observe_scale(self, sample: Sample) -> Verdict:
        self.count += 1
        step = self.count if sample.step is None else sample.step
        before, self.scale = self.scale, sample.value
        self.largest = max(self.largest, sample.value)
        self.halved.begin(step)
        if before > 0.0 and sample.value <= before / 2.0:
            self._halve(step, _doublings(before, sample.value))
        elif before > 0.0 and sample.value >= before * 2.0:
            self.doubled = [*self.doubled, step][-KEPT:]
        if self.largest > self.floor and sample.value <= self.floor:
            return firing(sample, f"{sample.signal} is down to {sample.value:.3g}", 0.9, low=self.floor)
        net = self.halved.within(step, WINDOW) - sum(step - WINDOW < one <= step for one in self.doubled)
        if net >= self.halvings:
            sentence = f"{sample.signal} {sample.value:.3g}: halved {net} times within {WINDOW} steps"
            return firing(sample, sentence, 0.8, score=float(net))
        return OK if self.halved.has_settled else UNKNOWN

    def _halve(self, step: int, times: int) -> None:
        """Take in halvings; one that takes back a doubling of late is the scaler in balance."""
        if self.doubled and step - self.doubled[-1] <= WINDOW:
            self.doubled = self.doubled[:-1]
            times -= 1
        if times:
            self.halved.observe(step, times)

    def _observe_skipped(self, sample: Sample) -> Verdict:
        if sample.step is None:
            return UNKNOWN
        before, self.skipped_total = self.skipped_total, sample.value
        self.skipped.begin(sample.step)
        if before is not None and sample.value > before:
            self.skipped.observe(sample.step, int(min(sample.value - before, KEPT)))
        return self._judge(sample, self.skipped, "skipped")

    def _observe_step(self, sample: Sample) -> Verdict | None:
        self.step = sample.step
        if sample.step is None or self.count:
            return None
        if self.logged.newest is None:
            self.logged.begun = sample.step if self.logged.begun is None else self.logged.begun
            return None
        self.logged.begin(sample.step)
        return self._judge(sample, self.logged, "overflowed")

    def _judge(self, sample: Sample, overflows: Overflows, what: str) -> Verdict:
        """Judge the share of steps that overflowed."""
        if not overflows.has_settled or sample.step is None:
            return UNKNOWN
        found = overflows.within(sample.step, LONG_WINDOW)
        limit = max(self.skipped_ratio * LONG_WINDOW, self.halvings)
        if found <= limit:
            return OK
        sentence = f"{found} of the last {LONG_WINDOW} steps {what} for overflow"
        return firing(sample, sentence, 0.8, score=float(found), high=limit)


def _doublings(larger: float, smaller: float) -> int:
    """Return how often the larger is twice the smaller, at most KEPT."""
    times = 0
    while times < KEPT and smaller <= larger / 2.0:
        larger, times = larger / 2.0, times + 1
    return times

"""A run that waits for its input."""

from __future__ import annotations

from math import isfinite

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.series import Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

STEPS = 32
SECONDS = 15.0
LEFT_OUT = 2
"""So many of the longest waits of a block are left out: an epoch begins with one, and a shard may."""


class Waiting(msgspec.Struct):
    """What a block of steps has waited, and lasted."""

    start: float
    steps: int = 0
    waited: float = 0.0
    lasted: float = 0.0
    longest: list[tuple[float, float]] = []

    def add(self, data_seconds: float, step_seconds: float) -> None:
        """Take one step; the wait is part of the step, or came before it."""
        self.steps += 1
        self.waited += data_seconds
        self.lasted += max(step_seconds, data_seconds)
        self.longest = sorted([*self.longest, (data_seconds, max(step_seconds, data_seconds))])[-LEFT_OUT:]

    @property
    def mean(self) -> tuple[float, float]:
        """Seconds that a step waited, and lasted, without the longest waits."""
        steps = self.steps - len(self.longest)
        waited = self.waited - sum(wait for wait, _ in self.longest)
        lasted = self.lasted - sum(step for _, step in self.longest)
        return max(waited, 0.0) / steps, max(lasted, 0.0) / steps


class InputBound(Detector, tag="input_bound"):
    """Fires on a block of steps that waits for its input for `share` of its time and for `minimum_seconds` a step.

    A block is 32 steps and at least 15 s. Its two longest waits do not count, so that the first step of an epoch,
    which starts workers and fills queues, does not. The verdict comes with the last step of a block.
    """

    share: float
    minimum_seconds: float
    segment: int = 0
    data: tuple[float, float] | None = None
    step: tuple[float, float] | None = None
    block: Waiting | None = None

    def __post_init__(self) -> None:
        """Refuse a share that would always or never be reached."""
        if not (0.0 < self.share < 1.0 and self.minimum_seconds >= 0.0):
            raise ValueError("share must be between 0 and 1, minimum_seconds at least 0")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Pair the wait and the duration of a step; return the verdict on a block that is complete."""
        value = sample.value
        if not (isfinite(value) and 0.0 <= value < 1e9):
            return UNKNOWN if sample.signal == signals.DATA_SECONDS.name else None
        if sample.signal == signals.DATA_SECONDS.name:
            self._follow(series)
            self.data = self._place(sample), value
        else:
            self.step = self._place(sample), value
        if self.data is None or self.step is None or self.data[0] != self.step[0]:
            return None
        data, step = self.data[1], self.step[1]
        self.data = self.step = None
        return self._take(sample, data, step)

    def _follow(self, series: Series) -> None:
        if series.segment != self.segment:
            self.segment, self.block = series.segment, None

    def _place(self, sample: Sample) -> float:
        """Return what the two values of one step share: the step, or the time where no step is known."""
        return sample.time if sample.step is None else float(sample.step)

    def _take(self, sample: Sample, data: float, step: float) -> Verdict | None:
        if self.block is None or sample.time < self.block.start:
            self.block = Waiting(sample.time)
        block = self.block
        block.add(data, step)
        if block.steps < STEPS or sample.time - block.start < SECONDS:
            return None
        self.block = None
        waited, lasted = block.mean
        share = waited / lasted if lasted > 0.0 else 0.0
        if share < self.share or waited < self.minimum_seconds:
            return Verdict(State.OK, share)
        return self._firing(sample, share, waited, block.steps) if isfinite(share) else OK

    def _firing(self, sample: Sample, share: float, waited: float, steps: int) -> Verdict:
        sentence = (
            f"{share:.0%} of the time of {steps} steps was spent waiting for input ({waited:.3g} s a step); "
            f"below {self.share:.0%} was expected"
        )
        evidence = Evidence(
            sentence,
            signals.DATA_SECONDS.name,
            value=share,
            expected_low=0.0,
            expected_high=self.share,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, share, beyond(share, self.share), evidence)

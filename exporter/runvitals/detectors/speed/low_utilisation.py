"""A GPU that is mostly idle while its run makes steps."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

GPU_UTILIZATION = signals.GPU_UTILIZATION.name

MINUTE, MINUTES, MINIMUM_SAMPLES = 60.0, 30, 100
STEP_SECONDS = 300.0
"""A step makes the samples of so many seconds after it count."""


class Minute(msgspec.Struct):
    """The samples of a minute: when it began, how many there were, and how many were busy."""

    start: float
    samples: int = 0
    busy: int = 0


class LowUtilisation(Detector, tag="low_utilisation"):
    """Fires where the 95th percentile of a GPU's utilisation stayed below `p95` for the newest 30 minutes of steps.

    The percentile is below where less than a twentieth of the samples is at or above. Samples count while the run makes
    steps: a server without requests, a run that loads its data or has ended, and a GPU of somebody else are not judged.
    Without steps nothing is known. The verdict comes once a minute.
    """

    p95: float
    step: int | None = None
    step_time: float | None = None
    minutes: dict[str, list[Minute]] = {}

    def __post_init__(self) -> None:
        """Refuse a level that would always or never be reached."""
        if not 0.0 < self.p95 <= 1.0:
            raise ValueError("p95 must be above 0 and at most 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Return the verdict on a minute that is over; a step is only noted."""
        if sample.signal != GPU_UTILIZATION:
            self._note_step(sample)
            return None
        if self.step_time is None or admission is NONFINITE or not 0.0 <= sample.value <= 1.0:
            return UNKNOWN
        if not 0.0 <= sample.time - self.step_time <= STEP_SECONDS:
            return None
        return self._take(sample, self.minutes.setdefault(sample.layer, []))

    def _note_step(self, sample: Sample) -> None:
        if sample.step is not None and sample.step != self.step:
            self.step, self.step_time = sample.step, sample.time

    def _take(self, sample: Sample, minutes: list[Minute]) -> Verdict | None:
        verdict = None
        if minutes and sample.time < minutes[-1].start:
            minutes.clear()
        if not minutes or sample.time - minutes[-1].start >= MINUTE:
            verdict = self._judge(sample, minutes) if minutes else UNKNOWN
            minutes.append(Minute(sample.time))
            del minutes[:-MINUTES]
        minutes[-1].samples += 1
        minutes[-1].busy += sample.value >= self.p95
        return verdict

    def _judge(self, sample: Sample, minutes: list[Minute]) -> Verdict:
        samples = sum(minute.samples for minute in minutes)
        busy = sum(minute.busy for minute in minutes)
        is_busy = busy * 20 >= samples
        if samples < MINIMUM_SAMPLES or (len(minutes) < MINUTES and not is_busy):
            return UNKNOWN
        if is_busy:
            return OK
        idle = 1.0 - busy / samples
        which = f" of {sample.layer}" if sample.layer else ""
        evidence = Evidence(
            f"{sample.signal}{which} was below {self.p95:.0%} in {idle:.0%} of {samples} samples "
            f"over {MINUTES} minutes in which the run made steps",
            sample.signal,
            sample.layer,
            value=busy / samples,
            expected_low=0.05,
            time=sample.time,
        )
        return Verdict(State.FIRING, idle, beyond(idle, 0.95), evidence)

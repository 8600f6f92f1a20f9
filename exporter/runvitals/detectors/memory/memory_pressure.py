"""Memory that is nearly used up, or was."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Event, EventKind, Evidence, Sample, State, Verdict

SECONDS, NEWEST, PAST, MINIMUM_PAST = 60.0, 3, 120, 10
"""A stretch is a minute; three of them are compared with up to two hours before."""

NEAR = 0.9
"""A process that is killed while so much of its memory is used was most likely killed for it."""

_LONGEST_TEXT = 120


class MemoryPressure(Detector, tag="memory_pressure"):
    """Fires where memory has been nearly used up for three minutes, and on a log line that says it was.

    Memory of the process: from `share` of its limit on. Memory of a GPU: from `gpu_share` on, if that is `gpu_rise`
    above its own past: servers reserve nine tenths at their start and training keeps what it once had, so a GPU
    that is steadily full is as it should be. A process that was killed counts where the line speaks of memory or its
    memory was nearly used up. The verdict comes once a minute.
    """

    share: float
    gpu_share: float
    gpu_rise: float
    courses: dict[str, Course] = {}
    newest: float | None = None

    def __post_init__(self) -> None:
        """Refuse shares that would always or never be reached."""
        if not (0.0 < self.share <= 1.0 and 0.0 < self.gpu_share <= 1.0 and 0.0 <= self.gpu_rise < 1.0):
            raise ValueError("share and gpu_share must be above 0 and at most 1, gpu_rise from 0 to below 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a minute that is over; None within one."""
        if admission is NONFINITE or not 0.0 <= sample.value <= 1.5:
            return UNKNOWN
        is_gpu = sample.signal == signals.GPU_MEMORY_UTILIZATION.name
        if not is_gpu:
            self.newest = sample.value
        place = f"{sample.signal}/{sample.layer}"
        course = self.courses.get(place)
        if course is None:
            course = self.courses[place] = Course.of(seconds=SECONDS, keep=NEWEST, size=PAST)
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        if not course.is_full:
            return UNKNOWN
        return self._judge_gpu(sample, course) if is_gpu else self._verdict(sample, course, self.share)

    def observe_event(self, event: Event) -> Verdict | None:
        """Return the verdict on a log line: out of memory, or killed."""
        text = f"{event.text} {' '.join(event.fields.values())}".lower()
        is_near = self.newest is not None and self.newest >= NEAR
        if event.kind is EventKind.KILLED and not (is_near or "oom" in text or "memory" in text):
            return None
        said = event.text.strip()[:_LONGEST_TEXT] or event.kind.value.replace("_", " ")
        evidence = Evidence(f"the log says: {said}", step=event.step, time=event.time)
        return Verdict(State.FIRING, confidence=0.75 if event.kind is EventKind.KILLED else 1.0, evidence=evidence)

    def _judge_gpu(self, sample: Sample, course: Course) -> Verdict:
        if len(course.past) < MINIMUM_PAST:
            return UNKNOWN
        usual = course.past.median or 0.0
        return self._verdict(sample, course, max(self.gpu_share, usual + self.gpu_rise))

    def _verdict(self, sample: Sample, course: Course, limit: float) -> Verdict:
        lowest = min(course.recent)
        if lowest < limit:
            return OK
        which = f" of {sample.layer}" if sample.layer else ""
        evidence = Evidence(
            f"{sample.signal}{which} has been {lowest:.1%} or more for {NEWEST} minutes; {limit:.1%} is too much",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=limit,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, lowest, beyond(lowest, limit), evidence)

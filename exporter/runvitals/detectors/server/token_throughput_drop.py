"""A server that gives out far fewer tokens than its load would let one expect."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.detectors.server.minutes import NEWEST, is_known, minutes, newest, usual_high
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

NEW_LEVEL = "settled at a new level"


class TokenThroughputDrop(Detector, tag="token_throughput_drop"):
    """Fires where tokens come far more slowly than before while at least as many requests run as usual.

    Slowly: in each of the newest five minutes below `ratio` times the 10th percentile of the past in which requests
    ran, up to a day. Only the minutes with requests are taken; without their number nothing is known. Prompts that
    take the server's time instead (more of their tokens than usual) explain a fall. The verdict comes once a minute;
    before an hour has been seen it is unknown.
    """

    ratio: float
    courses: dict[str, Course] = {}
    running: float | None = None

    def __post_init__(self) -> None:
        """Refuse a ratio that a steady server reaches."""
        if not 0.0 < self.ratio < 1.0:
            raise ValueError("ratio must be between 0 and 1")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a minute that is over; None within one, and for the load."""
        is_output = sample.signal == signals.OUTPUT_TOKENS_PER_SECOND.name
        if admission is NONFINITE or not 0.0 <= sample.value < 1e12:
            return UNKNOWN if is_output else None
        if sample.signal == signals.REQUESTS_RUNNING.name:
            self.running = sample.value
        if self.running is None:
            return UNKNOWN if is_output else None
        if self.running < 1.0:
            return None
        course = self.courses.get(sample.signal)
        if course is None:
            course = self.courses[sample.signal] = minutes()
        course.follow(series.segment)
        if course.observe(sample.time, sample.value) is None:
            return None
        return self._judge(sample, course) if is_output else None

    def _judge(self, sample: Sample, course: Course) -> Verdict:
        running = self.courses.get(signals.REQUESTS_RUNNING.name)
        if running is None or not is_known(course) or not is_known(running):
            return UNKNOWN
        low = course.past.quantile(0.1) or 0.0
        fired = max(course.recent) < self.ratio * low and self._is_loaded(running) and not self._has_prompts()
        running.settle(fired=fired)
        if course.settle(fired=fired):
            return Verdict(State.OK, note=NEW_LEVEL)
        return self._firing(sample, course, low) if fired else OK

    def _is_loaded(self, running: Course) -> bool:
        return min(running.recent) >= (running.past.median or 0.0)

    def _has_prompts(self) -> bool:
        prompts = self.courses.get(signals.PROMPT_TOKENS_PER_SECOND.name)
        rate = newest(prompts)
        return prompts is not None and rate is not None and is_known(prompts) and rate > usual_high(prompts)

    def _firing(self, sample: Sample, course: Course, low: float) -> Verdict:
        now = newest(course) or 0.0
        fall = low / now if now > 0.0 else 1e9
        evidence = Evidence(
            f"{now:.4g} tokens per second for {NEWEST} minutes with as many requests running as ever; "
            f"at least {low:.4g} was usual",
            sample.signal,
            value=now,
            expected_low=self.ratio * low,
            time=sample.time,
        )
        return Verdict(State.FIRING, fall, beyond(fall, 1.0 / self.ratio), evidence)

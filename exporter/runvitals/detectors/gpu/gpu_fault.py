"""A GPU whose hardware reports an error, or that is slowed down by heat or power."""

from __future__ import annotations

import re

import msgspec

from runvitals.catalogue import signals
from runvitals.catalogue.xid import XIDS
from runvitals.detectors.confidence import beyond
from runvitals.detectors.course import Course
from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Event, Evidence, Sample, State, Verdict

SECONDS, NEWEST, PAST, MINIMUM_PAST = 60.0, 10, 120, 10
"""A stretch is a minute; ten of them are compared with up to two hours before."""

_XID = re.compile(r"\bxid\b[^:\n]{0,80}?(?:\([^)\n]{0,80}\))?\s*[:=]?\s*(\d{1,4})\b", re.IGNORECASE)

_ERRORS = {
    signals.GPU_UNCORRECTED_ECC_ERRORS.name: "memory errors that could not be corrected",
    signals.GPU_ROW_REMAP_FAILURES.name: "rows of memory that could not be remapped",
}


class Device(msgspec.Struct):
    """What is known of one GPU: its counters of errors, its newest XID, and how it is slowed down."""

    counters: dict[str, float] = {}
    xid: float | None = None
    throttled: Course | None = None
    clock: Course | None = None
    celsius: float | None = None
    errors: dict[str, Evidence] = {}
    error_times: dict[str, float] = {}


class GpuFault(Detector, tag="gpu_fault"):
    """Fires on errors of the hardware at once, and on throttling that lasts.

    Errors: an XID that NVIDIA's catalogue puts down to the hardware, in a log line or as a new value of the gauge
    (the first value may be an old one: it sticks); a growing count of uncorrected memory errors; rows that could
    not be remapped. An error counts for `hold_seconds`. Throttling: in each of ten minutes `throttled` of the time,
    while the clock is below `clock_ratio` times its past or the GPU hotter than `celsius`: a GPU at its power limit is
    throttled all the time and is well.
    """

    throttled: float
    clock_ratio: float
    celsius: float
    hold_seconds: float
    devices: dict[str, Device] = {}

    def __post_init__(self) -> None:
        """Refuse limits that would always or never be reached."""
        if not (0.0 < self.throttled <= 1.0 and 0.0 < self.clock_ratio < 1.0):
            raise ValueError("throttled must be above 0 and at most 1, clock_ratio between 0 and 1")
        if not (self.celsius > 0.0 and self.hold_seconds >= 0.0):
            raise ValueError("celsius must be above 0, hold_seconds at least 0")

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on an error signal, and once a minute on throttling."""
        device = self.devices.setdefault(sample.layer, Device())
        if admission is NONFINITE or not 0.0 <= sample.value < 1e18:
            return None
        if sample.signal == signals.GPU_TEMPERATURE.name:
            device.celsius = sample.value
        elif sample.signal == signals.GPU_CLOCK.name:
            device.clock = _observed(device.clock, sample, series)
        elif sample.signal == signals.GPU_THROTTLED.name:
            return self._judge_throttling(sample, series, device)
        elif sample.signal == signals.GPU_XID.name:
            return self._judge_xid(sample, device)
        else:
            return self._judge_counter(sample, device)
        return None

    def observe_event(self, event: Event) -> Verdict | None:
        """Return the verdict on a log line with an XID; None where the hardware is not to blame."""
        found = _XID.search(f"xid {event.fields['xid']}" if "xid" in event.fields else event.text)
        number = int(found[1]) if found else None
        if number is None or not _is_of_hardware(number):
            return None
        where = f" on {event.fields['gpu']}" if event.fields.get("gpu") else ""
        evidence = Evidence(
            _told(number) + where, signals.GPU_XID.name, value=float(number), step=event.step, time=event.time
        )
        return Verdict(State.FIRING, confidence=1.0, evidence=evidence)

    def _judge_xid(self, sample: Sample, device: Device) -> Verdict:
        before, device.xid = device.xid, sample.value
        number = int(sample.value)
        if before is not None and sample.value != before and _is_of_hardware(number):
            self._note(sample, device, _told(number))
        return self._held(sample, device)

    def _judge_counter(self, sample: Sample, device: Device) -> Verdict:
        before = device.counters.get(sample.signal)
        device.counters[sample.signal] = sample.value
        if before is None and sample.signal == signals.GPU_ROW_REMAP_FAILURES.name:
            before = 0.0  # kept in the board's memory: a board with one is to be replaced, whenever it happened
        if before is not None and sample.value > before:
            self._note(sample, device, f"{sample.value - before:.0f} more {_ERRORS[sample.signal]}")
        return self._held(sample, device)

    def _note(self, sample: Sample, device: Device, what: str) -> None:
        where = f" on {sample.layer}" if sample.layer else ""
        device.error_times[sample.signal] = sample.time
        device.errors[sample.signal] = Evidence(
            what + where, sample.signal, sample.layer, value=sample.value, step=sample.step, time=sample.time
        )

    def _held(self, sample: Sample, device: Device) -> Verdict:
        since = device.error_times.get(sample.signal)
        if since is None or sample.time - since > self.hold_seconds:
            return OK
        return Verdict(State.FIRING, confidence=1.0, evidence=device.errors[sample.signal])

    def _judge_throttling(self, sample: Sample, series: Series, device: Device) -> Verdict | None:
        course = device.throttled
        before = course.end if course else None
        course = device.throttled = _observed(course, sample, series)
        if course.end == before:
            return None
        if not course.is_full:
            return UNKNOWN
        share = min(course.recent)
        if share < self.throttled:
            return OK
        why = self._slowed(device)
        if why is None:
            return UNKNOWN
        return self._throttling(sample, share, why) if why else OK

    def _slowed(self, device: Device) -> str | None:
        """Return by what one sees that throttling slows the GPU down; empty if nothing, None if nothing is known."""
        if device.celsius is not None and device.celsius >= self.celsius:
            return f"at {device.celsius:.0f} degrees Celsius"
        clock = device.clock
        if clock is None or not clock.is_full or len(clock.past) < MINIMUM_PAST:
            return None if device.celsius is None else ""
        usual, newest = clock.past.median or 0.0, max(clock.recent)
        fired = newest < self.clock_ratio * usual
        clock.settle(fired=fired)
        return f"at {newest / 1e6:.0f} MHz instead of {usual / 1e6:.0f} MHz" if fired else ""

    def _throttling(self, sample: Sample, share: float, why: str) -> Verdict:
        which = sample.layer or "the GPU"
        evidence = Evidence(
            f"{which} has been slowed down {share:.0%} of the time or more for {NEWEST} minutes, {why}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=self.throttled,
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, share, beyond(share, self.throttled), evidence)


def _observed(course: Course | None, sample: Sample, series: Series) -> Course:
    if course is None:
        course = Course.of(seconds=SECONDS, keep=NEWEST, size=PAST)
    course.follow(series.segment)
    course.observe(sample.time, sample.value)
    return course


def _is_of_hardware(number: int) -> bool:
    return number in XIDS and XIDS[number].blame == "hardware"


def _told(number: int) -> str:
    return f"XID {number}: {XIDS[number].meaning}"

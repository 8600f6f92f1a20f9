"""Memory that grows and does not level off."""

from __future__ import annotations

from math import isfinite

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.confidence import beyond
from runvitals.detectors.detector import Detector
from runvitals.detectors.memory.growth import Scale
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

GIB = 2.0**30

SCALES = (40.0, 240.0, 1440.0)
"""Seconds of a stretch: 30 of them are 20 minutes, 2 hours and 12 hours."""

WARM_UP_SECONDS = 1200.0
"""Before, what was loaded, compiled and cached grows: the shortest scale begins after it."""

NEAR_SECONDS, NEAR_SHARE = 1800.0, 0.75
"""What grows for 20 minutes only is told of where its end is so near, and so much is used up."""

_UTILIZATION = {
    signals.MEMORY_RSS.name: signals.MEMORY_UTILIZATION.name,
    signals.MEMORY_USS.name: signals.MEMORY_UTILIZATION.name,
    signals.GPU_MEMORY_USED.name: signals.GPU_MEMORY_UTILIZATION.name,
}


class Memory(msgspec.Struct):
    """One quantity of memory: its newest value, and its growth on each scale."""

    since: float
    value: float = 0.0
    segment: int = 0
    scales: list[Scale] = []


class Room(msgspec.Struct, frozen=True):
    """The limit of a memory, and how much of it is in use, in bytes."""

    limit: float
    used: float


class MemoryLeak(Detector, tag="memory_leak"):
    """Fires where memory has grown steadily for 2 or 12 hours, or for 20 minutes with its end in sight.

    What is compared is the floor of each stretch of time, so that a saw-tooth of garbage collection does not count;
    the floors must rise together (Kendall), and the last third as fast as the first, so that a cache that fills up
    does not. The growth must be `minimum_bytes`, or `limit_share` of the limit. Where the limit is known it must be
    reached within `horizon_seconds`, and where the share of it that is in use is known this must have grown as well:
    pages of mapped files count as resident but can be given back. The 20 minutes count after a warm-up, where three
    quarters of the limit are used and half an hour is left. The verdict comes every 40 seconds.
    """

    minimum_bytes: float
    limit_share: float
    horizon_seconds: float
    memories: dict[str, Memory] = {}
    limit: float | None = None

    def __post_init__(self) -> None:
        """Refuse growth that is none."""
        if not (self.minimum_bytes > 0.0 and 0.0 < self.limit_share < 1.0 and self.horizon_seconds > 0.0):
            raise ValueError(
                "minimum_bytes and horizon_seconds must be above 0, limit_share between 0 and 1 for memory_leak"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on a stretch of time that is over; None within one, and for limits."""
        is_judged = sample.signal in _UTILIZATION
        if admission is NONFINITE or not 0.0 <= sample.value < 1e18:
            return UNKNOWN if is_judged else None
        if sample.signal == signals.MEMORY_LIMIT.name:
            self.limit = sample.value
            return None
        memory = self._memory(sample, series)
        ended = [scale for scale in memory.scales if scale.observe(sample.time, sample.value)]
        if not is_judged:
            return None
        for scale in ended:
            scale.settle()
        is_due = bool(ended) and ended[0] is memory.scales[0]
        return self._judge(sample, memory) if is_due else None

    def _memory(self, sample: Sample, series: Series) -> Memory:
        place = f"{sample.signal}/{sample.layer}"
        memory = self.memories.get(place)
        if memory is None or memory.segment != series.segment or sample.time < memory.since:
            scales = [Scale(seconds) for seconds in SCALES]
            memory = self.memories[place] = Memory(sample.time, 0.0, series.segment, scales)
        memory.value = sample.value
        return memory

    def _judge(self, sample: Sample, memory: Memory) -> Verdict:
        utilization = self.memories.get(f"{_UTILIZATION[sample.signal]}/{sample.layer}")
        room = self._room(sample, memory, utilization)
        for place, scale in reversed(list(enumerate(memory.scales))):
            if self._is_leak(place, memory, utilization, room):
                return self._firing(sample, scale, room)
        return OK if memory.scales[0].is_full else UNKNOWN

    def _room(self, sample: Sample, memory: Memory, utilization: Memory | None) -> Room | None:
        if sample.signal == signals.GPU_MEMORY_USED.name:
            share = utilization.value if utilization else 0.0
            return Room(memory.value / share, memory.value) if 0.0 < share <= 1.0 else None
        if not self.limit:
            return None
        return Room(self.limit, utilization.value * self.limit if utilization else memory.value)

    def _is_leak(self, place: int, memory: Memory, utilization: Memory | None, room: Room | None) -> bool:
        scale = memory.scales[place]
        if not scale.is_confirmed or not self._is_large(scale.growth, room):
            return False
        is_short = place == 0
        if room is None:
            return not is_short
        if utilization is not None and utilization.scales[place].growth * room.limit < 0.5 * scale.growth:
            return False
        seconds = _exhausted_in(scale, room)
        if is_short:
            is_warm = scale.times[0] >= memory.since + WARM_UP_SECONDS
            return is_warm and seconds < NEAR_SECONDS and room.used > NEAR_SHARE * room.limit
        return seconds < self.horizon_seconds

    def _is_large(self, growth: float, room: Room | None) -> bool:
        return growth >= self.minimum_bytes or (room is not None and growth >= self.limit_share * room.limit)

    def _firing(self, sample: Sample, scale: Scale, room: Room | None) -> Verdict:
        per_hour = scale.slope * 3600.0
        which = f" of {sample.layer}" if sample.layer else ""
        sentence = (
            f"{sample.signal}{which} has grown by {scale.growth / GIB:.3g} GiB in {scale.seconds / 3600.0:.2g} h "
            f"({per_hour / GIB:.2g} GiB an hour) and does not level off"
        )
        if room is not None:
            hours = _exhausted_in(scale, room) / 3600.0
            sentence += (
                f"; {room.used / GIB:.3g} of {room.limit / GIB:.3g} GiB are used, which lasts {hours:.2g} h more"
            )
        evidence = Evidence(
            sentence,
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=scale.floors[0],
            step=sample.step,
            time=sample.time,
        )
        score = scale.growth / self.minimum_bytes
        return Verdict(State.FIRING, score, max(beyond(score, 1.0), 0.5), evidence)


def _exhausted_in(scale: Scale, room: Room) -> float:
    """Return after how many seconds the limit is reached if memory grows on as it does."""
    slope = scale.slope
    seconds = max(room.limit - room.used, 0.0) / slope if slope > 0.0 else float("inf")
    return seconds if isfinite(seconds) else 1e18

"""One direction in which a value can be unusual: its channels, and what they say together."""

from __future__ import annotations

import msgspec

from runvitals.stats.self_calibration import SelfCalibration
from runvitals.stats.tail import RareEvent, Tail


class Side(msgspec.Struct):
    """The learned tails of the channels in one direction; the largest answer, calibrated, is the side's.

    Each direction is calibrated for itself, so that a loss which falls steeply at first does not dull what is said of
    a loss that jumps up.
    """

    level: Tail = msgspec.field(default_factory=Tail)
    change: Tail = msgspec.field(default_factory=Tail)
    shift: Tail = msgspec.field(default_factory=Tail)
    outside: RareEvent = msgspec.field(default_factory=RareEvent)
    novelty: RareEvent = msgspec.field(default_factory=RareEvent)
    calibration: SelfCalibration = msgspec.field(default_factory=SelfCalibration)

    def observe(
        self, level: float | None, change: float | None, shift: float | None, outside: float | None, new: float | None
    ) -> float:
        """Return the calibrated -log10 p of statistics that grow with how unusual a value is; None is left out."""
        largest = 0.0
        if level is not None:
            largest = self.level.observe(level)
        if change is not None:
            score = self.change.observe(change)
            if score > largest:
                largest = score
        if shift is not None:
            score = self.shift.observe(shift)
            if score > largest:
                largest = score
        if outside is not None:
            score = self.outside.observe(outside)
            if score > largest:
                largest = score
        if new is not None:
            score = self.novelty.observe(new)
            if score > largest:
                largest = score
        return self.calibration.observe(largest)

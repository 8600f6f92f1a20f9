"""One direction in which a value can be unusual: its channels, and what they say together."""

from __future__ import annotations

import msgspec

from runvitals.stats.rare_event import RareEvent
from runvitals.stats.self_calibration import SelfCalibration
from runvitals.stats.tail import Tail


class Side(msgspec.Struct):
    """The learned tails of the channels in one direction.

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
        """Return the largest answer of the channels, calibrated: -log10 p. A channel without an answer is None.

        Each argument grows with how unusual the value is; `outside` and `new` are 0 for most values.
        """
        largest = 0.0
        if level is not None:
            largest = self.level.observe(level)
        if change is not None and (score := self.change.observe(change)) > largest:
            largest = score
        if shift is not None and (score := self.shift.observe(shift)) > largest:
            largest = score
        if outside is not None and (score := self.outside.observe(outside)) > largest:
            largest = score
        if new is not None and (score := self.novelty.observe(new)) > largest:
            largest = score
        return self.calibration.observe(largest)

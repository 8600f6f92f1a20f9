"""One direction in which a value can be unusual: the learned tails of its channels, and their calibration."""

from __future__ import annotations

import msgspec

from runvitals.anomaly.outlier import Outlier
from runvitals.stats.rare_event import RareEvent
from runvitals.stats.self_calibration import SelfCalibration
from runvitals.stats.tail import Tail


def _tail_of_shifts() -> Tail:
    """A shift is looked at with every fourth value only."""
    return Tail(weight=4.0)


class Side(msgspec.Struct):
    """What was learned of one direction.

    Each direction is calibrated for itself, so that a loss which falls steeply at first does not dull what is said of
    a loss that jumps up.
    """

    level: Tail = msgspec.field(default_factory=Tail)
    change: Tail = msgspec.field(default_factory=Tail)
    shift: Tail = msgspec.field(default_factory=_tail_of_shifts)
    outside: RareEvent = msgspec.field(default_factory=RareEvent)
    novelty: RareEvent = msgspec.field(default_factory=RareEvent)
    outlier: Outlier = msgspec.field(default_factory=Outlier)
    calibration: SelfCalibration = msgspec.field(default_factory=SelfCalibration)

    def start_season(self) -> None:
        """Learn anew how far values lie from the level: they are seen without their season now, or with it again."""
        self.level, self.shift = Tail(), _tail_of_shifts()

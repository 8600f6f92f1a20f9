"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from math import log10

import msgspec

from runvitals.anomaly.channels import Channels, Readings
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.stats.rolling_window import RollingWindow

_WARM_UP = 32  # values whose tails are learned before a score is shown
_BEYOND_SEEN = 4.0  # decades that the fitted tails may say more than the number of values seen
_HIGHEST = 12.0
_TWO_SIDES = log10(2.0)


class AnomalyScore(msgspec.Struct):
    """Five looks at the newest value, each a tail probability learned from the series, and what they say together.

    Level, change from the value before, lasting shift, out of range, and a pattern never seen before; upwards and
    downwards apart. Of the future nothing is used, nor anything of the value itself in what it is compared with.

    `up` and `down` are the scores of the two directions; None until enough has been seen and where the signal has shown
    no spread. They say at most four decades more than the number of values seen could show, and at most 12.
    """

    up: float | None = None
    down: float | None = None
    seen: int = 0
    channels: Channels = msgspec.field(default_factory=Channels)
    upwards: Side = msgspec.field(default_factory=Side)
    downwards: Side = msgspec.field(default_factory=Side)

    @property
    def score(self) -> float | None:
        """The larger of the two directions' scores; None while unknown."""
        if self.up is None or self.down is None:
            return None
        return max(self.up, self.down)

    def observe(self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings) -> None:
        """Score a finite value against the window before it, which must hold at least `minimum` values to judge."""
        self.up = self.down = None
        if len(window.ordered) < minimum:
            self.channels.learn(value, time, window)
            return
        readings = self.channels.read(value, time, window, settings)
        if any(reading is not None for reading in readings):
            self._judge(readings)

    def skip(self) -> None:
        """The newest value was no number: nothing is known of it, and the next is nobody's neighbour."""
        self.up = self.down = None
        self.channels.forget_neighbour()

    def start_segment(self) -> None:
        """Begin anew; what was learned about how the signal varies is kept."""
        self.up = self.down = None
        self.channels.start_segment()

    def _judge(self, readings: Readings) -> None:
        level, change, shift, outside, new = readings
        up = self.upwards.observe(level, change, shift, outside, new)
        down = self.downwards.observe(
            None if level is None else -level,
            None if change is None else -change,
            None if shift is None else -shift,
            None if outside is None else -outside,
            None if new is None else -new,
        )
        self.seen = seen = self.seen + 1
        if seen > _WARM_UP:
            most = min(log10(seen) + _BEYOND_SEEN, _HIGHEST)
            self.up = max(0.0, min(up - _TWO_SIDES, most))
            self.down = max(0.0, min(down - _TWO_SIDES, most))

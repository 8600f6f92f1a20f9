"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from math import log10

import msgspec

from runvitals.anomaly.channels import NOTHING, Channels, Readings
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.stats.clip import clip, larger
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
        up, down = self.up, self.down
        if up is None or down is None:
            return None
        return larger(up, down)

    def observe(
        self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings
    ) -> None:
        """Score a finite value against the window before it, which must hold at least `minimum` values to judge."""
        self.up = self.down = None
        if len(window.ordered) < minimum:
            self.channels.learn(value, time, window)
            return
        readings = self.channels.read(value, time, window, settings)
        if readings != NOTHING:
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
        """Let each channel speak for the direction in which the value is unusual; the largest answer is calibrated."""
        self.seen += 1
        above, below, up, down = self.upwards, self.downwards, 0.0, 0.0
        level, change, shift, outside, new = readings
        if level is not None:
            if level > 0.0:
                up = above.level.observe(level)
            else:
                down = below.level.observe(-level)
        if change is not None:
            if change > 0.0:
                up = larger(up, above.change.observe(change))
            else:
                down = larger(down, below.change.observe(-change))
        if shift is not None:
            if shift > 0.0:
                up = larger(up, above.shift.observe(shift))
            else:
                down = larger(down, below.shift.observe(-shift))
        if outside or new:
            up, down = self._events(outside or 0.0, new or 0.0, up, down)
        self._show(above.calibration.observe(up), below.calibration.observe(down))

    def _show(self, up: float, down: float) -> None:
        if self.seen > _WARM_UP:
            most = log10(self.seen) + _BEYOND_SEEN
            if most > _HIGHEST:
                most = _HIGHEST
            self.up, self.down = clip(up - _TWO_SIDES, 0.0, most), clip(down - _TWO_SIDES, 0.0, most)

    def _events(self, outside: float, new: float, up: float, down: float) -> tuple[float, float]:
        """Return both directions' scores with what a value out of range and a new pattern add."""
        for size, high, low in (
            (outside, self.upwards.outside, self.downwards.outside),
            (new, self.upwards.novelty, self.downwards.novelty),
        ):
            if size > 0.0:
                up = max(up, high.observe(size, self.seen))
            elif size < 0.0:
                down = max(down, low.observe(-size, self.seen))
        return up, down

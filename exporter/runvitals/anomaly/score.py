"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from math import log10

import msgspec

from runvitals.anomaly.channels import NOTHING, Channels, Readings
from runvitals.anomaly.outlier import NEAR, decades
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.catalogue.signals import BadSide
from runvitals.stats.clip import clip, larger
from runvitals.stats.rolling_window import RollingWindow

WARM_UP = 32  # values whose tails are learned before a score is shown
_BEYOND_SEEN = 4.0  # decades that the fitted tails may say more than the number of values seen
_HIGHEST = 12.0
_TWO_SIDES = log10(2.0)


class AnomalyScore(msgspec.Struct):
    """Five looks at the newest value, each a tail probability learned from the series, and what they say together.

    Level, change from the value before, lasting shift, out of range, and a pattern never seen before; upwards and
    downwards apart. Of the future nothing is used, nor anything of the value itself in what it is compared with.

    `up` and `down` are the scores of the two directions; None until enough has been seen and where the signal has shown
    no spread. They say at most four decades more than the number of values seen could show, and at most 12. `outlier`
    is the distance from the local level in deviations (negative: below) where it is beyond the usual, else 0.
    """

    up: float | None = None
    down: float | None = None
    outlier: float = 0.0
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

    def alert(self, side: BadSide, outlier: float) -> float | None:
        """Return the score that is worth an alert where a value is bad on this side; None while unknown.

        On both sides it is the calibrated score. On one side it is that of a value that lies more than `outlier`
        deviations out and beyond the usual, else 0: the calibrated score would get used to what happens every few
        hundred values.
        """
        if side == "both" or self.up is None:
            return self.score
        distance = self.outlier if side == "high" else -self.outlier
        return min(decades(distance), _HIGHEST) if distance > outlier else 0.0

    def observe(
        self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings
    ) -> None:
        """Score a finite value against the window before it, which must hold at least `minimum` values to judge."""
        self.up = self.down = None
        self.outlier = 0.0
        if len(window.ordered) < minimum:
            self.channels.learn(value, time, window)
            return
        readings = self.channels.read(value, time, window, settings)
        season = self.channels.season
        if season is not None and season.jump:
            self.upwards.start_season()
            self.downwards.start_season()
        if readings != NOTHING:
            self._judge(readings)

    def skip(self) -> None:
        """The newest value was no number: nothing is known of it, and the next is nobody's neighbour."""
        self.up = self.down = None
        self.outlier = 0.0
        self.channels.forget_neighbour()

    def start_segment(self) -> None:
        """Begin anew; what was learned about how the signal varies is kept."""
        self.up = self.down = None
        self.outlier = 0.0
        self.channels.start_segment()

    def _judge(self, readings: Readings) -> None:
        """Let each channel speak for the direction in which the value is unusual; the largest answer is calibrated."""
        self.seen += 1
        above, below, up, down = self.upwards, self.downwards, 0.0, 0.0
        level, change, shift, outside, new = readings
        outlier = 0.0
        if level is not None:
            up, down, outlier = self._level(level)
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
        self._show(above.calibration.observe(up), below.calibration.observe(down), outlier)

    def _show(self, up: float, down: float, outlier: float) -> None:
        if self.seen > WARM_UP:
            most = log10(self.seen) + _BEYOND_SEEN
            if most > _HIGHEST:
                most = _HIGHEST
            self.outlier = outlier
            self.up, self.down = clip(up - _TWO_SIDES, 0.0, most), clip(down - _TWO_SIDES, 0.0, most)

    def _level(self, level: float) -> tuple[float, float, float]:
        """Return what a distance from the local level says upwards and downwards, and whether it is an outlier."""
        if level > 0.0:
            side = self.upwards
            outlier = side.outlier.observe(level, side.level.third, self.seen) if level > NEAR else 0.0
            return side.level.observe(level), 0.0, outlier
        side = self.downwards
        outlier = side.outlier.observe(-level, side.level.third, self.seen) if level < -NEAR else 0.0
        return 0.0, side.level.observe(-level), -outlier

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

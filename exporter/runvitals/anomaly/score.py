"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log10

from runvitals.anomaly.channels import NOTHING, Channels, Readings
from runvitals.anomaly.outlier import NEAR, decades, robust_zscore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.catalogue.signals import BadSide
from runvitals.stats.rolling_window import RollingWindow

WARM_UP = 32  # values whose tails are learned before a score is shown
_BEYOND_SEEN = 4.0  # decades that the fitted tails may say more than the number of values seen
_HIGHEST = 12.0
_TWO_SIDES = log10(2.0)


@dataclass(slots=True)
class AnomalyScore:
    """Five looks at the newest value, each a tail probability learned from the series, and what they say together.

    Level, change from the value before, lasting shift, out of range, and a pattern never seen before; upwards and
    downwards apart. Of the future nothing is used, nor anything of the value itself in what it is compared with.

    `up` and `down` are the scores of the two directions, `score` is the larger one; None until enough has been seen and
    where the signal has shown no spread. They say at most four decades more than the number of values seen could show,
    and at most 12. `outlier` is the distance from the local level in deviations (negative: below) where it is beyond
    the usual, else 0. `lasting` is what the tail says of a shift (negative: of one downwards), which is asked as often
    as the shift is looked at.
    """

    score: float | None = None
    up: float | None = None
    down: float | None = None
    outlier: float = 0.0
    lasting: float = 0.0
    seen: int = 0
    channels: Channels = field(default_factory=Channels)
    upwards: Side = field(default_factory=Side)
    downwards: Side = field(default_factory=Side)

    def alert(self, side: BadSide, value: float, window: RollingWindow, settings: AnomalySettings) -> float | None:
        """Return the score that is worth an alert where a value is bad on this side; None while unknown.

        On both sides it is the calibrated score. On one side it is that of a value that is far out by two measures and
        beyond the usual, else 0: the calibrated score would get used to what happens every few hundred values.
        """
        if side == "both" or self.up is None:
            return self.score
        sign = 1.0 if side == "high" else -1.0
        distance = sign * self.outlier
        if distance <= settings.outlier or sign * robust_zscore(value, window) <= settings.robust_zscore:
            return 0.0
        return min(decades(distance), _HIGHEST)

    def observe(
        self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings
    ) -> None:
        """Score a finite value against the window before it, which must hold at least `minimum` values to judge."""
        if len(window.ordered) < minimum:
            self.channels.learn(value, time, window)
            self._show_nothing()
            return
        readings = self.channels.read(value, time, window, settings)
        season = self.channels.season
        if season is not None and season.jump:
            self.upwards.start_season()
            self.downwards.start_season()
            self.lasting = 0.0
        if readings[0] is None and readings == NOTHING:
            self._show_nothing()
        else:
            self._judge(readings)

    def skip(self) -> None:
        """The newest value was no number: nothing is known of it, and the next is nobody's neighbour."""
        self._show_nothing()
        self.channels.forget_neighbour()

    def start_segment(self) -> None:
        """Begin anew; what was learned about how the signal varies is kept."""
        self._show_nothing()
        self.lasting = 0.0
        self.channels.start_segment()

    def _judge(self, readings: Readings) -> None:
        """Let each channel speak for the direction in which the value is unusual; the largest answer is calibrated."""
        self.seen += 1
        above, below = self.upwards, self.downwards
        level, change, shift, outside, new = readings
        self.outlier = 0.0 if level is None or -NEAR <= level <= NEAR else self._outlying(level)
        up = down = 0.0
        if level is not None:
            if level > 0.0:
                up = above.level.observe(level)
            else:
                down = below.level.observe(-level)
        if change is not None:
            if change > 0.0:
                by_change = above.change.observe(change)
                up = by_change if by_change > up else up
            else:
                by_change = below.change.observe(-change)
                down = by_change if by_change > down else down
        lasting = self.lasting if self.channels.turn and shift is not None else self._judge_shift(shift)
        if lasting > up:
            up = lasting
        elif -lasting > down:
            down = -lasting
        if outside or new:
            up, down = self._events(outside or 0.0, new or 0.0, up, down)
        self._show(above.calibration.observe(up), below.calibration.observe(down))

    def _judge_shift(self, shift: float | None) -> float:
        """Ask the tails about a lasting shift that has just been looked at."""
        above, below = self.upwards.shift, self.downwards.shift
        if shift is None:
            self.lasting = 0.0
        else:
            self.lasting = above.observe(shift) if shift > 0.0 else -below.observe(-shift)
        return self.lasting

    def _show(self, up: float, down: float) -> None:
        if self.seen <= WARM_UP:
            self._show_nothing()
            return
        up, down = up - _TWO_SIDES, down - _TWO_SIDES
        if up > _BEYOND_SEEN or down > _BEYOND_SEEN:
            most = min(log10(self.seen) + _BEYOND_SEEN, _HIGHEST)
            up, down = min(up, most), min(down, most)
        self.up = up = up if up > 0.0 else 0.0
        self.down = down = down if down > 0.0 else 0.0
        self.score = up if up > down else down

    def _show_nothing(self) -> None:
        self.score = self.up = self.down = None
        self.outlier = 0.0

    def _outlying(self, level: float) -> float:
        """Return the distance from the local level where it is beyond the usual, else 0."""
        if level > 0.0:
            side = self.upwards
            return side.outlier.observe(level, side.level.third, self.seen)
        side = self.downwards
        return -side.outlier.observe(-level, side.level.third, self.seen)

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

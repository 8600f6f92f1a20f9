"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from collections.abc import Callable
from math import log, log10

import msgspec

from runvitals.anomaly.change import ChangeScale
from runvitals.anomaly.local_level import LocalLevel
from runvitals.anomaly.patterns import Patterns
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.anomaly.signal_kind import KindRecognition, SignalKind, logit
from runvitals.anomaly.spread import middle_and_scale
from runvitals.anomaly.value_range import ValueRange
from runvitals.stats.rolling_window import RollingWindow

_TRANSFORMS: dict[SignalKind, Callable[[float], float] | None] = {
    SignalKind.PLAIN: None,
    SignalKind.COUNTER: None,
    SignalKind.RATIO: logit,
    SignalKind.TIME: log,
}
_WARM_UP = 32  # scored values whose tails are learned before a score is shown
_BEYOND_SEEN = 4.0  # decades that the fitted tails may say more than the number of values seen
_HIGHEST = 12.0
_TWO_SIDES = log10(2.0)
_GAP = 10.0  # usual times between values: after a longer one the value is no neighbour of the last
_SHIFT_WEIGHT = 1.0 / 32.0
_SHIFT_SCALE = ((2.0 - _SHIFT_WEIGHT) / _SHIFT_WEIGHT) ** 0.5  # gives the running mean of normal values deviation 1
_SHIFT_CLIP = 4.0
_LIMIT = 1e6


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
    previous: float | None = None
    previous_time: float = 0.0
    interval: float = 0.0
    held_scale: float = 0.0
    shift: float = 0.0
    kind: KindRecognition = msgspec.field(default_factory=KindRecognition)
    local: LocalLevel = msgspec.field(default_factory=LocalLevel)
    changes: ChangeScale = msgspec.field(default_factory=ChangeScale)
    value_range: ValueRange = msgspec.field(default_factory=ValueRange)
    patterns: Patterns = msgspec.field(default_factory=Patterns)
    upwards: Side = msgspec.field(default_factory=Side)
    downwards: Side = msgspec.field(default_factory=Side)

    @property
    def score(self) -> float | None:
        """The larger of the two directions' scores; None while unknown."""
        if self.up is None or self.down is None:
            return None
        return self.up if self.up > self.down else self.down

    def observe(self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings) -> None:
        """Score a finite value against the window before it (which does not hold it yet)."""
        previous = self.previous
        is_neighbour = self._is_neighbour(time)
        self.kind.observe(value, value if previous is None else previous, window)
        self.previous, self.previous_time = value, time
        self.up = self.down = None
        if len(window) < minimum:
            if previous is not None:
                self.changes.standardise(value - previous)
            self.value_range.outside(value)
            return
        self._score(value, previous if is_neighbour else None, window.ordered, settings)

    def skip(self) -> None:
        """The newest value was no number: nothing is known of it, and the next is nobody's neighbour."""
        self.up = self.down = self.previous = None

    def start_segment(self) -> None:
        """Begin anew; what was learned about how the signal varies is kept."""
        self.up = self.down = self.previous = None
        self.shift = 0.0
        self.kind, self.value_range = KindRecognition(), ValueRange()

    def _is_neighbour(self, time: float) -> bool:
        elapsed, interval = time - self.previous_time, self.interval
        if self.previous is None:
            return False
        if elapsed > _GAP * interval > 0.0:
            self.interval = 1.1 * interval
            return False
        if elapsed > 0.0:
            self.interval = interval + 0.05 * (elapsed - interval) if interval else elapsed
        return True

    def _score(self, value: float, previous: float | None, ordered: list[float], settings: AnomalySettings) -> None:
        kind = self.kind.kind
        transform = _TRANSFORMS[kind]
        middle, scale = middle_and_scale(ordered, transform)
        if scale:
            self.held_scale = scale
        else:
            scale = self.held_scale
        place = value if transform is None else transform(value)
        change = None
        if previous is not None:
            change = self.changes.standardise(place - (previous if transform is None else transform(previous)))
        if kind is SignalKind.COUNTER:
            self._conclude(None, change, change, None, None, settings)
            return
        if not scale:
            return
        level = self.local.standardise(place, 0.1 * scale)
        lasting = (self.local.center - middle) / scale
        if not -_LIMIT < lasting < _LIMIT:
            lasting = _bounded(lasting)
        outside = self.value_range.outside(value) if settings.out_of_range else None
        new = None
        if settings.new_pattern:
            n = len(ordered)
            quarter = (value > ordered[n // 4]) + (place > middle) + (value > ordered[n - 1 - n // 4])
            new = 1.0 if self.patterns.is_new(quarter) else 0.0
        self._conclude(level, change, lasting, outside, new, settings)

    def _conclude(self, level, change, lasting, outside, new, settings) -> None:
        shift = None
        if lasting is None:
            if level is None and change is None:
                return
        elif settings.shift:
            shift = lasting * _SHIFT_SCALE
        if not settings.level:
            level = None
        if not settings.change:
            change = None
        is_up = (lasting or 0.0) > 0.0
        up = self.upwards.observe(level, change, shift, outside if is_up else outside and 0.0, new if is_up else new and 0.0)
        down = self.downwards.observe(
            None if level is None else -level,
            None if change is None else -change,
            None if shift is None else -shift,
            outside and 0.0 if is_up else outside,
            new and 0.0 if is_up else new,
        )
        self.seen = seen = self.seen + 1
        if seen > _WARM_UP:
            most = min(log10(seen) + _BEYOND_SEEN, _HIGHEST)
            self.up = max(0.0, min(up - _TWO_SIDES, most))
            self.down = max(0.0, min(down - _TWO_SIDES, most))


def _bounded(level: float) -> float:
    """Return a level within bounds; what is not a number (infinite over infinite) is no deviation."""
    if level != level:
        return 0.0
    return _LIMIT if level > 0.0 else -_LIMIT

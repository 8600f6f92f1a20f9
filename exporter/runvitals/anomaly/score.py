"""The anomaly score of one signal: -log10 of the probability that a healthy value is at least this unusual."""

from __future__ import annotations

from collections.abc import Callable
from math import log, log10

import msgspec

from runvitals.anomaly.change import ChangeScale
from runvitals.anomaly.patterns import Patterns
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.signal_kind import KindRecognition, SignalKind, logit
from runvitals.anomaly.spread import middle_and_scale
from runvitals.anomaly.value_range import ValueRange
from runvitals.stats.rolling_window import RollingWindow
from runvitals.stats.self_calibration import SelfCalibration
from runvitals.stats.tail import RareEvent, Tail

_TRANSFORMS: dict[SignalKind, Callable[[float], float] | None] = {
    SignalKind.PLAIN: None,
    SignalKind.COUNTER: None,
    SignalKind.RATIO: logit,
    SignalKind.TIME: log,
}
_WARM_UP = 32  # scored values whose tails are learned before a score is shown
_BEYOND_SEEN = 4.0  # decades that the fitted tails may say more than the number of values seen
_HIGHEST = 12.0
_GAP = 10.0  # usual times between values: after a longer one the value is no neighbour of the last
_SHIFT_WEIGHT = 1.0 / 16.0
_SHIFT_SCALE = ((2.0 - _SHIFT_WEIGHT) / _SHIFT_WEIGHT) ** 0.5  # gives the running mean of normal values deviation 1
_SHIFT_CLIP = 4.0
_LIMIT = 1e6


class AnomalyScore(msgspec.Struct):
    """Five looks at the newest value, each a tail probability learned from the series, and what they say together.

    Level and change (upwards and downwards apart), lasting shift, out of range, and a pattern never seen before. The
    smallest probability, times the number of chances to look unusual, is calibrated against how often it was that small
    before. Of the future nothing is used, nor anything of the value itself in what it is compared with.

    `score` is None until enough has been seen and where the signal has shown no spread; it says at most four decades
    more than the number of values seen could show, and at most 12. `side` is +1 where the value is unusual upwards.
    """

    score: float | None = None
    side: int = 0
    seen: int = 0
    previous: float | None = None
    previous_time: float = 0.0
    interval: float = 0.0
    held_scale: float = 0.0
    shift: float = 0.0
    kind: KindRecognition = msgspec.field(default_factory=KindRecognition)
    changes: ChangeScale = msgspec.field(default_factory=ChangeScale)
    value_range: ValueRange = msgspec.field(default_factory=ValueRange)
    patterns: Patterns = msgspec.field(default_factory=Patterns)
    level_up: Tail = msgspec.field(default_factory=Tail)
    level_down: Tail = msgspec.field(default_factory=Tail)
    change_up: Tail = msgspec.field(default_factory=Tail)
    change_down: Tail = msgspec.field(default_factory=Tail)
    shift_up: Tail = msgspec.field(default_factory=Tail)
    shift_down: Tail = msgspec.field(default_factory=Tail)
    outside: RareEvent = msgspec.field(default_factory=RareEvent)
    novelty: RareEvent = msgspec.field(default_factory=RareEvent)
    calibration: SelfCalibration = msgspec.field(default_factory=SelfCalibration)

    def observe(self, value: float, time: float, window: RollingWindow, minimum: int, settings: AnomalySettings) -> None:
        """Score a finite value against the window before it (which does not hold it yet)."""
        previous = self.previous
        if previous is None:
            previous = value
        self.kind.observe(value, previous, window)
        is_neighbour = self._is_neighbour(time)
        self.previous, self.previous_time = value, time
        if len(window) < minimum:
            self.score = None
            self._learn_changes(value, previous)
            return
        raw = self._raw(value, previous if is_neighbour else None, window, settings)
        if raw is None:
            self.score = None
            return
        self.seen = seen = self.seen + 1
        score = self.calibration.observe(raw)
        self.score = min(score, log10(seen) + _BEYOND_SEEN, _HIGHEST) if seen > _WARM_UP else None

    def skip(self) -> None:
        """The newest value was no number: nothing is known of it, and the next is nobody's neighbour."""
        self.score, self.previous = None, None

    def start_segment(self) -> None:
        """Begin anew; what was learned about how the signal varies is kept."""
        self.score, self.previous, self.shift, self.side = None, None, 0.0, 0
        self.kind, self.value_range = KindRecognition(), ValueRange()
        self.patterns.newest = 0

    def _is_neighbour(self, time: float) -> bool:
        if self.previous is None:
            return False
        elapsed = time - self.previous_time
        interval = self.interval
        if elapsed > _GAP * interval > 0.0:
            self.interval = 1.1 * interval
            return False
        if elapsed > 0.0:
            self.interval = interval + 0.05 * (elapsed - interval) if interval else elapsed
        return True

    def _learn_changes(self, value: float, previous: float) -> None:
        self.changes.standardise(value - previous)
        self.value_range.outside(value)

    def _raw(self, value: float, previous: float | None, window: RollingWindow, settings: AnomalySettings) -> float | None:
        """Return the largest score of the channels, less what as many chances are worth; None without any answer."""
        kind = self.kind.kind
        transform = _TRANSFORMS[kind]
        ordered = window.ordered
        middle, scale = middle_and_scale(ordered, transform)
        if scale:
            self.held_scale = scale
        else:
            scale = self.held_scale
        if transform is None:
            place, step = value, None if previous is None else value - previous
        else:
            place = transform(value)
            step = None if previous is None else place - transform(previous)
        best, side = 0.0, 0
        change = None if step is None else self.changes.standardise(step)
        if kind is SignalKind.COUNTER:
            level = change
        elif scale:
            level = (place - middle) / scale
            level = level if -_LIMIT < level < _LIMIT else _bounded(level)
        else:
            level = None
        if level is None and change is None:
            return None
        if level is not None:
            if settings.level and kind is not SignalKind.COUNTER:
                up, down = self.level_up.observe(level), self.level_down.observe(-level)
                best, side = (up, 1) if up > down else (down, -1)
            if settings.shift:
                self.shift = shift = self.shift + _SHIFT_WEIGHT * (max(-_SHIFT_CLIP, min(level, _SHIFT_CLIP)) - self.shift)
                shift *= _SHIFT_SCALE
                up, down = self.shift_up.observe(shift), self.shift_down.observe(-shift)
                if up > best:
                    best, side = up, 1
                if down > best:
                    best, side = down, -1
        if change is not None and settings.change:
            up, down = self.change_up.observe(change), self.change_down.observe(-change)
            if up > best:
                best, side = up, 1
            if down > best:
                best, side = down, -1
        if kind is not SignalKind.COUNTER:
            if settings.out_of_range:
                far = self.outside.observe(self.value_range.outside(value))
                if far > best:
                    best, side = far, 1 if place > middle else -1
            if settings.new_pattern:
                n = len(ordered)
                quarter = (value > ordered[n // 4]) + (value > ordered[n // 2]) + (value > ordered[n - 1 - n // 4])
                new = self.novelty.observe(1.0 if self.patterns.is_new(quarter) else 0.0)
                if new > best:
                    best, side = new, 1 if place > middle else -1
        self.side = side
        return best - log10(settings.hypotheses or 1)


def _bounded(level: float) -> float:
    """Return a level within bounds; what is not a number (infinite over infinite) is no deviation."""
    if level != level:
        return 0.0
    return _LIMIT if level > 0.0 else -_LIMIT

"""From a value to what the channels look at: how far it is from where the signal was, in its own units of spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log

from runvitals.anomaly.change import ChangeScale
from runvitals.anomaly.local_level import LocalLevel
from runvitals.anomaly.patterns import Patterns
from runvitals.anomaly.season import Season
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.signal_kind import KindRecognition, SignalKind, logit
from runvitals.anomaly.spread import Quartiles, middle_and_scale, quartiles
from runvitals.anomaly.value_range import ValueRange
from runvitals.stats.order import median
from runvitals.stats.rolling_window import RollingWindow

_TRANSFORMS: dict[SignalKind, Callable[[float], float] | None] = {
    SignalKind.PLAIN: None,
    SignalKind.COUNTER: None,
    SignalKind.RATIO: logit,
    SignalKind.TIME: log,
}
_PLAIN, _COUNTER = SignalKind.PLAIN, SignalKind.COUNTER
_EVERY = 4  # values: what changes slowly is looked at so often
_GAP = 10.0  # usual times between values: after a longer one the value is no neighbour of the last
_SCALE_FLOOR = 0.1  # of the window's spread: the local deviation counts as at least that
_NEWEST = 16  # values whose median is the level when a signal is compared in another way
_LONG = 6.0 * 3600.0  # seconds after which it is worth learning when in the day values are high
_NORMAL_DEVIATION = 0.737  # of the local deviation, see LocalLevel
_LIMIT = 1e6
_LARGEST_FACTOR = 1e300

Readings = tuple["float | None", "float | None", "float | None", "float | None", "float | None"]
"""Level, change and shift in standard deviations (signed), out of range (signed), new pattern (signed 1, or 0)."""
NOTHING: Readings = (None, None, None, None, None)


@dataclass(slots=True)
class Channels:
    """What is remembered of a signal so that each of the five channels has something to compare a value with.

    The scale of a window without spread is the last there was. A value after a long gap, or after one that was no
    number, has no neighbour and so no change. A counter is judged by its increments. Where a daily or weekly season is
    known, level and shift are those of what is left without it.

    What changes slowly is looked at with every fourth value: the window's quartiles, middle and scale, the lasting
    shift, and the range as it closes in. `turn` is 0 where that was with the newest one.
    """

    since: float = 0.0
    season: Season | None = None
    previous: float | None = None
    previous_time: float = 0.0
    interval: float = 0.0
    turn: int = 0
    quartiles: Quartiles | None = None
    middle: float = 0.0
    scale: float = 0.0
    floor: float = 0.0
    held_scale: float = 0.0
    lasting: float | None = None
    compared_as: SignalKind = SignalKind.PLAIN
    kind: KindRecognition = field(default_factory=KindRecognition)
    local: LocalLevel = field(default_factory=LocalLevel)
    changes: ChangeScale = field(default_factory=ChangeScale)
    value_range: ValueRange = field(default_factory=ValueRange)
    patterns: Patterns = field(default_factory=Patterns)

    def read(self, value: float, time: float, window: RollingWindow, settings: AnomalySettings) -> Readings:
        """Return what the channels see in a finite value; None for a channel without an answer."""
        previous = self._neighbour(value, time, window)
        kind = self.kind.kind
        transform = None if kind is _PLAIN else _TRANSFORMS[kind]
        if kind is not self.compared_as:
            self._compare_as(kind, window)
        if transform is None:
            place, change = value, None if previous is None else self.changes.standardise(value - previous)
        else:
            place = transform(value)
            change = None if previous is None else self.changes.standardise(place - transform(previous))
        if kind is _COUNTER:
            self.turn = (self.turn + 1) % _EVERY
            lasting = None if change is None else self.local.follow(change)
            return None, change if settings.change else None, lasting if settings.shift else None, None, None
        if self.season is not None or (settings.season and time - self.since > _LONG):
            place = self._deseasonalised(place, time, wanted=settings.season)
        self.turn = turn = (self.turn + 1) % _EVERY
        edges = self.quartiles
        if not turn or edges is None:
            edges = self._look(value, window, transform)
        level = self.local.standardise(place, self.floor) if self.scale else None
        seen, outside = self.value_range, None
        if settings.out_of_range:
            outside = 0.0 if seen.low <= value <= seen.high else seen.outside(value)
        if level is None and change is None:
            return NOTHING  # no spread has been seen yet
        return (
            level if settings.level else None,
            change if settings.change else None,
            self.lasting if settings.shift else None,
            outside,
            self.patterns.novelty(value, edges) if settings.new_pattern else None,
        )

    def learn(self, value: float, time: float, window: RollingWindow) -> None:
        """Take in a value while the window is too short to judge it."""
        if not self.since:
            self.since = time
        previous = self._neighbour(value, time, window)
        if previous is not None:
            self.changes.standardise(value - previous)
        self.value_range.outside(value)

    def forget_neighbour(self) -> None:
        """The next value has none before it."""
        self.previous = None

    def start_segment(self) -> None:
        """What comes is not compared with what was; how the signal varies is kept."""
        self.previous = None
        self.kind, self.value_range = KindRecognition(), ValueRange()
        self.quartiles = self.lasting = None
        self.local.clear()

    def _compare_as(self, kind: SignalKind, window: RollingWindow) -> None:
        """Carry what was learned over to the units of another kind: the level anew, the spread in proportion."""
        transform, is_counter = _TRANSFORMS[kind], SignalKind.COUNTER in (kind, self.compared_as)
        self.compared_as, self.season = kind, None
        self.quartiles = self.lasting = None
        _, scale = middle_and_scale(window.ordered, quartiles(window.ordered), transform)
        if scale and self.held_scale and not is_counter:
            factor = min(scale / self.held_scale, _LARGEST_FACTOR)
            self.changes.rescale(factor)
            self.local.rescale(factor)
        newest = median(sorted(window.values()[-_NEWEST:]))
        self.local.center = 0.0 if kind is SignalKind.COUNTER else newest if transform is None else transform(newest)

    def _neighbour(self, value: float, time: float, window: RollingWindow) -> float | None:
        """Make the value the newest; return the one before it, None where there is none or a long gap lies between."""
        previous, elapsed, interval = self.previous, time - self.previous_time, self.interval
        self.kind.observe(value, value if previous is None else previous, window)
        self.previous, self.previous_time = value, time
        if previous is None:
            return None
        if elapsed > _GAP * interval > 0.0:
            self.interval = 1.1 * interval
            return None
        if elapsed > 0.0:
            self.interval = interval + 0.05 * (elapsed - interval) if interval else elapsed
        return previous

    def _deseasonalised(self, place: float, time: float, *, wanted: bool) -> float:
        """Return a value less what was to be expected at its time of the day or the week, if that is known."""
        season = self.season or Season(self.since)
        if not wanted:
            self.local.center += season.offset
            self.season = None
            return place
        self.season = season
        season.observe(place, time)
        if season.jump:
            self.local.center -= season.jump
        return place - season.offset

    def _look(self, value: float, window: RollingWindow, transform: Callable[[float], float] | None) -> Quartiles:
        """Look at what changes slowly; return the quartiles of the window."""
        ordered = window.ordered
        self.quartiles = edges = quartiles(ordered)
        self.middle, scale = middle_and_scale(ordered, edges, transform)
        if scale:
            self.scale = self.held_scale = scale
            self.floor = _SCALE_FLOOR * scale
        else:
            self.scale = self.floor = self.held_scale
        if self.scale and self.local.seen:
            self.lasting = self._shift()
        self.value_range.close(value)
        return edges

    def _shift(self) -> float:
        """Return how far the local level lies from the window's middle; with a season, from what it is without."""
        local, season, middle, scale = self.local, self.season, self.middle, self.scale
        if season is not None and season.period:
            middle, scale = 0.0, max(local.deviation / _NORMAL_DEVIATION, season.error, self.floor)
        lasting = (local.center - middle) / scale
        # Not by `clip`: huge values may make it NaN, which the comparisons take for the lower limit.
        return lasting if -_LIMIT < lasting < _LIMIT else (_LIMIT if lasting > 0.0 else -_LIMIT)

"""Why an anomaly score is what it is, channel by channel: the score's own code, asked of copies of its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from math import isfinite
from typing import NamedTuple

import msgspec

from runvitals.anomaly.channels import NOTHING, Readings
from runvitals.anomaly.score import WARM_UP, AnomalyScore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.side import Side
from runvitals.stats.boundary import boundary
from runvitals.stats.rolling_window import RollingWindow
from runvitals.stats.tail import Tail

EXPECTED_DECADES = 2.0
"""What is expected is what a channel gives a score below this: one healthy value in a hundred lies outside."""

CHANNELS = ("level", "change", "shift", "out_of_range", "new_pattern")
"""In the order of the readings; each is the name of the setting that switches it."""

_TAILS = ("level", "change", "shift", "outside", "novelty")
_IN_UNITS = frozenset({"level", "change"})
"""What these see follows the value alone, so that an expected range of the signal can be told."""


class ChannelExplanation(msgspec.Struct, frozen=True):
    """What one channel sees in a value.

    `reading` is signed: level, change and shift in standard deviations; out of range as log(1 + widths beyond); 1 or -1
    for a new pattern. `reading_low` and `reading_high` bound what is usual of it, `value_low` and `value_high` the
    values of the signal that this channel would expect. `probability` is the share of values at least this unusual in
    that direction, as the channel has learned it; `score` what the channel alone would give, calibrated.
    """

    channel: str
    enabled: bool
    reading: float | None = None
    reading_low: float | None = None
    reading_high: float | None = None
    value_low: float | None = None
    value_high: float | None = None
    probability: float | None = None
    score: float | None = None
    decides: bool = False


class ScoreExplanation(msgspec.Struct, frozen=True):
    """An anomaly score and what led to it; `unknown` says why there is none."""

    score: float | None
    up: float | None
    down: float | None
    kind: str
    channels: tuple[ChannelExplanation, ...]
    unknown: str = ""


class Question(NamedTuple):
    """A finite value, and what it is compared with: the arguments of `AnomalyScore.observe`, and the state before."""

    before: AnomalyScore
    value: float
    time: float
    window: RollingWindow
    minimum: int
    settings: AnomalySettings

    def readings(self) -> Readings:
        """Return what the channels see; nothing while the window is too short."""
        if len(self.window) < self.minimum:
            return NOTHING
        return deepcopy(self.before.channels).read(self.value, self.time, self.window, self.settings)

    def answered(self, value: float, settings: AnomalySettings) -> AnomalyScore:
        """Return the state after a value, under settings."""
        after = deepcopy(self.before)
        after.observe(value, self.time, self.window, self.minimum, settings)
        return after


def explain(question: Question) -> ScoreExplanation:
    """Return why the score is what it is."""
    after = question.answered(question.value, question.settings)
    channels = tuple(_channels(question))
    highest = max((one.score for one in channels if one.score is not None), default=None)
    return ScoreExplanation(
        after.score,
        after.up,
        after.down,
        after.channels.kind.kind.value,
        tuple(
            msgspec.structs.replace(one, decides=bool(highest) and one.score == highest and after.score is not None)
            for one in channels
        ),
        "" if after.score is not None else _why_unknown(question, after),
    )


def _why_unknown(question: Question, after: AnomalyScore) -> str:
    if len(question.window) < question.minimum:
        return f"warming up: {len(question.window)} of {question.minimum} values in the window"
    if after.seen == question.before.seen:
        return "no spread: the signal has not varied yet"
    return f"warming up: {after.seen} of {WARM_UP + 1} values whose tails are learned first"


def _channels(question: Question) -> Iterator[ChannelExplanation]:
    for name, tail, reading in zip(CHANNELS, _TAILS, question.readings(), strict=True):
        if not getattr(question.settings, name):
            yield ChannelExplanation(name, enabled=False)
        elif reading is None:
            yield ChannelExplanation(name, enabled=True)
        else:
            yield _channel(question, name, tail, reading)


def _channel(question: Question, name: str, tail: str, reading: float) -> ChannelExplanation:
    alone = _alone(question.settings, name)
    low, high = _expected_readings(question.before, tail)
    value_low, value_high = _expected_values(question, name, alone)
    return ChannelExplanation(
        name,
        enabled=True,
        reading=reading,
        reading_low=low,
        reading_high=high,
        value_low=value_low,
        value_high=value_high,
        probability=_probability(question.before, tail, reading),
        score=question.answered(question.value, alone).score,
    )


def _alone(settings: AnomalySettings, name: str) -> AnomalySettings:
    """Return the settings with one channel only; the calibration is monotone, so the largest of these is the score."""
    return msgspec.structs.replace(settings, **{other: other == name for other in CHANNELS})


def _probability(before: AnomalyScore, tail: str, reading: float) -> float:
    side = before.upwards if reading > 0.0 else before.downwards
    return float(10.0 ** -_decades(side, tail, abs(reading), before.seen)) if reading else 1.0


def _decades(side: Side, name: str, size: float, seen: int) -> float:
    learned = deepcopy(getattr(side, name))
    return float(learned.observe(size) if isinstance(learned, Tail) else learned.observe(size, seen + 1))


def _expected_readings(before: AnomalyScore, tail: str) -> tuple[float | None, float | None]:
    if not isinstance(getattr(before.upwards, tail), Tail):
        return None, None  # of an event that most values do not show, nothing is usual
    low = _usual_size(before.downwards, tail, before.seen)
    high = _usual_size(before.upwards, tail, before.seen)
    return None if low is None else -low, high


def _usual_size(side: Side, tail: str, seen: int) -> float | None:
    return boundary(lambda size: _decades(side, tail, size, seen) >= EXPECTED_DECADES, 0.0, 1.0, 1)


def _expected_values(question: Question, name: str, alone: AnomalySettings) -> tuple[float | None, float | None]:
    if name == "out_of_range":
        seen = question.before.channels.value_range
        return (seen.low, seen.high) if seen.seen else (None, None)
    if name not in _IN_UNITS:
        return None, None

    def is_unusual(value: float) -> bool:
        return (question.answered(value, alone).score or 0.0) >= EXPECTED_DECADES

    start = _something_usual(question, is_unusual)
    if start is None:
        return None, None
    scale = question.window.robust_scale or abs(start) or 1.0
    return boundary(is_unusual, start, scale, -1), boundary(is_unusual, start, scale, 1)


def _something_usual(question: Question, is_unusual: Callable[[float], bool]) -> float | None:
    """Return a value that the channel expects, to start from; None where no such is at hand, or nothing is known."""
    if question.answered(question.value, question.settings).score is None:
        return None
    channels, middle = question.before.channels, question.window.median
    candidates = (channels.previous, middle, channels.local.center, question.value)
    return next((one for one in candidates if one is not None and isfinite(one) and not is_unusual(one)), None)

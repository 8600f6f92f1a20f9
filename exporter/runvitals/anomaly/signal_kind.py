"""What kind of number a signal is, told from its past alone: plain, a ratio, a positive skewed one, or a counter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf, log

from runvitals.stats.rolling_window import RollingWindow

_MINIMUM_RISES = 16
_SKEWED = 0.2
_EVERY = 64
_RATIO_SHIFT = 0.01  # so that a ratio of exactly 0 or 1 has a finite logit


class SignalKind(str, Enum):
    """How the values of a signal are compared."""

    PLAIN = "plain"
    RATIO = "ratio"
    TIME = "time"
    COUNTER = "counter"


@dataclass(slots=True)
class KindRecognition:
    """Watches what has been seen of a signal and says how it is best compared.

    counter: it has risen at least 16 times and never fallen, but to less than half (a restart): its increments count.
    ratio: all values lie in 0..1, some of them above one half: on the logit. time: all positive, and the window is
    skewed to the right: on the logarithm. All else is taken as it is. It is looked at again every 64 values.
    """

    kind: SignalKind = SignalKind.PLAIN
    lowest: float = inf
    highest: float = -inf
    rises: int = 0
    has_fallen: bool = False
    resets: int = 0
    seen: int = 0

    def observe(self, value: float, previous: float, window: RollingWindow) -> None:
        """Take in a value and the one before it."""
        if not self.lowest <= value <= self.highest:
            self._widen(value)
        if not self.has_fallen:
            self._count(value, previous)
        self.seen = seen = self.seen + 1
        if not seen % _EVERY:
            self.kind = self._recognised(window)

    def _count(self, value: float, previous: float) -> None:
        if value > previous:
            self.rises += 1
        elif 0.0 <= value < 0.5 * previous:
            self.resets += 1
        elif value < previous:
            self.has_fallen = True
            if self.kind is SignalKind.COUNTER:
                self.kind = SignalKind.PLAIN

    def _widen(self, value: float) -> None:
        self.lowest, self.highest = min(value, self.lowest), max(value, self.highest)
        is_broken = (
            self.lowest <= 0.0 if self.kind is SignalKind.TIME else not 0.0 <= self.lowest <= self.highest <= 1.0
        )
        if is_broken and self.kind in (SignalKind.TIME, SignalKind.RATIO):
            self.kind = SignalKind.PLAIN

    def _recognised(self, window: RollingWindow) -> SignalKind:
        # A window restored from a state without this may hold older values than were watched: all are transformed.
        for end in (*window.ordered[:1], *window.ordered[-1:]):
            self._widen(end)
        if not self.has_fallen and self.rises >= max(_MINIMUM_RISES, 50 * self.resets):
            return SignalKind.COUNTER
        if self.lowest >= 0.0 and 0.5 < self.highest <= 1.0:
            return SignalKind.RATIO
        if self.lowest > 0.0 and (self.kind is SignalKind.TIME or _is_skewed(window)):
            return SignalKind.TIME
        return SignalKind.PLAIN


def _is_skewed(window: RollingWindow) -> bool:
    """Return whether the upper tenth lies further from the median than the lower one does (Bowley's measure)."""
    low, middle, high = (window.quantile(share) for share in (0.1, 0.5, 0.9))
    if low is None or middle is None or high is None:
        return False
    return (high - middle) - (middle - low) > _SKEWED * (high - low) > 0.0


def logit(ratio: float) -> float:
    """Return the log odds of a ratio in 0..1; finite at both ends."""
    return log((ratio + _RATIO_SHIFT) / (1.0 + _RATIO_SHIFT - ratio))

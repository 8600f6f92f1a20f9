"""The probability that the gradient norm's next relative change is an explosion."""

from __future__ import annotations

from math import isfinite

import msgspec

from runvitals.stats.normal import upper_tail
from runvitals.stats.rolling_window import RollingWindow

WINDOW = 32
MINIMUM = 16


class ExplosionProbability(msgspec.Struct):
    """Horizon 1: P = Q((C - μ) / σ).

    μ and σ are the mean and sample deviation of the last 32 relative changes r_t = |g_t - g_(t-1)| / g_(t-1), the
    newest included, since this is a forecast of the next step; Q is the upper tail of the standard normal. There is no
    answer with fewer than 16 changes, or where they do not vary. Changes that cannot be formed are skipped and counted
    by reason. It is a forecast, not an alarm: one harmless spike keeps it high for a window.
    """

    change: float
    changes: RollingWindow = msgspec.field(default_factory=lambda: RollingWindow(WINDOW))
    previous: float | None = None
    newest: float | None = None
    skipped: dict[str, int] = {}

    def __post_init__(self) -> None:
        """Refuse a C below 1: a fall alone has a relative change of up to 1."""
        if not self.change >= 1.0:
            raise ValueError(
                f"change must be at least 1 (a fall alone has a relative change of up to 1), not {self.change}"
            )

    def observe(self, norm: float) -> None:
        """Take the next gradient norm; one that is not finite cannot be compared, nor can what follows it."""
        previous, self.previous = self.previous, norm
        self.newest = None
        reason = _obstacle(previous, norm)
        if previous is None or reason:
            self._skip(reason)
            return
        newest = abs(norm - previous) / previous
        if isfinite(newest):
            self._push(newest)
        else:
            self._skip("overflow")

    def observe_change(self, change: float) -> None:
        """Take a relative change that was formed elsewhere."""
        self.newest = None
        if isfinite(change) and change >= 0.0:
            self._push(change)
        else:
            self._skip("nonfinite")

    def start_segment(self) -> None:
        """The next norm is not a neighbour of the last one."""
        self.previous = self.newest = None

    @property
    def probability(self) -> float | None:
        """P in 0..1; None while unknown."""
        mean, stddev = self.changes.mean, self.changes.stddev
        if len(self.changes) < MINIMUM or mean is None or not stddev:
            return None
        return upper_tail((self.change - mean) / stddev)

    def _push(self, change: float) -> None:
        self.newest = change
        self.changes.push(change)

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def _obstacle(previous: float | None, norm: float) -> str:
    """Return why no relative change can be formed; empty where it can."""
    if previous is None:
        return "segment_start"
    if not (isfinite(previous) and isfinite(norm)):
        return "nonfinite"
    return "zero_norm" if previous <= 0.0 else ""

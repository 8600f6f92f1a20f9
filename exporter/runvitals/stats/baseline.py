"""The newest value of a signal against the window before it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from runvitals.stats.rolling_window import RollingWindow

RANGE_DEVIATIONS = 3.0


@dataclass(slots=True)
class Baseline:
    """A window and the newest value, which is not in it yet: a value is never compared with itself.

    Scores are None (unknown) until the window holds `minimum` values, and where the window has no spread.
    """

    window: RollingWindow
    minimum: int
    value: float | None = None

    @classmethod
    def of_size(cls, size: int, minimum: int) -> Baseline:
        """Return an empty one with a window of `size` values."""
        return cls(RollingWindow(size), minimum)

    def resize(self, size: int, minimum: int) -> None:
        """Take over other settings; the newest values are kept."""
        self.minimum = minimum
        if size != self.window.size:
            self.window = RollingWindow(size, self.window.values()[-size:])

    def observe(self, value: float) -> float | None:
        """Take a finite value as the newest, the one before joins the window; return `zscore`."""
        window, before = self.window, self.value
        if before is not None:
            window.push(before)
        self.value = value
        return window.standardised(value) if len(window.ordered) >= self.minimum else None

    def settle(self) -> None:
        """Let the newest value join the window; there is no newest value then."""
        if self.value is not None:
            self.window.push(self.value)
            self.value = None

    def clear(self) -> None:
        """Forget everything."""
        self.window.clear()
        self.value = None

    @property
    def is_warm(self) -> bool:
        """True where there is a newest value and enough before it to judge it."""
        return self.value is not None and len(self.window) >= self.minimum

    @property
    def zscore(self) -> float | None:
        """(value - mean) / sample standard deviation of the window."""
        value = self.value
        if value is None or len(self.window.ordered) < self.minimum:
            return None
        return self.window.standardised(value)

    @property
    def robust_zscore(self) -> float | None:
        """(value - median) / robust scale of the window (1.4826 MAD, with floors)."""
        if not self.is_warm:
            return None
        return self._standardised(self.window.median, self.window.robust_scale)

    @property
    def expected_range(self) -> tuple[float, float] | None:
        """What the window would expect of the newest value: its median, 3 robust deviations on either side."""
        middle, scale = self.window.median, self.window.robust_scale
        if not self.is_warm or middle is None or scale is None:
            return None
        return middle - RANGE_DEVIATIONS * scale, middle + RANGE_DEVIATIONS * scale

    @property
    def quartile_distance(self) -> float | None:
        """Interquartile ranges above the third quartile, or (negative) below the first; 0 between them."""
        if not self.is_warm or self.value is None:
            return None
        low, high = self.window.quantile(0.25), self.window.quantile(0.75)
        if low is None or high is None or not 0.0 < high - low < float("inf"):
            return None
        return (max(self.value - high, 0.0) + min(self.value - low, 0.0)) / (high - low)

    def _standardised(self, center: float | None, scale: float | None) -> float | None:
        if self.value is None or center is None or not scale:
            return None
        score = (self.value - center) / scale
        return score if isfinite(score) else None

"""The usual level of a signal, which an excursion does not change while it lasts."""

from __future__ import annotations

from math import exp, log

import msgspec

from runvitals.series import Series
from runvitals.stats.baseline import Baseline

RARE = 0.98
"""What lies above this quantile of the window happens less than every fifty steps."""

NEW_LEVEL = "settled at a new level"


class Level(msgspec.Struct):
    """A baseline on the logarithm of a positive signal, or on the signal itself where `is_linear`.

    While the detector fires step after step, the values are withheld from the window: what is wrong for long must not
    become usual, and then look recovered. After as many as the window holds, the new level is accepted: the baseline
    begins anew, and what closes then has settled rather than recovered.
    """

    baseline: Baseline | None = None
    segment: int = 0
    withheld: int = 0
    is_linear: bool = False
    note: str = ""

    def follow(self, series: Series) -> bool:
        """Take over the series' settings; return whether a new segment has begun, with nothing known of it."""
        its, ours = series.baseline, self.baseline
        if ours is None or ours.minimum != its.minimum or ours.window.size != its.window.size:
            self._baseline.resize(its.window.size, its.minimum)
        if series.segment == self.segment:
            return False
        self.segment, self.withheld, self.note = series.segment, 0, ""
        self._baseline.clear()
        return True

    def observe(self, value: float) -> None:
        """Take the newest value, which must be above 0 unless `is_linear`."""
        self._baseline.observe(value if self.is_linear else log(value))

    def skip(self) -> None:
        """Pass over a value that cannot be compared."""
        self._baseline.settle()

    def become_linear(self) -> None:
        """Go over to the signal itself, from the beginning."""
        self.is_linear = True
        self._baseline.clear()

    def settle(self, *, fired: bool) -> None:
        """Say whether the newest value was an excursion."""
        if not fired:
            if self.withheld:
                self.withheld = 0
            return
        if self.withheld:  # the first one enters: what comes back again and again is usual
            self._baseline.value = None
        self.withheld += 1
        self.note = ""
        if self.withheld > self._baseline.window.size:
            self._baseline.clear()
            self.withheld, self.note = 0, NEW_LEVEL

    @property
    def is_warm(self) -> bool:
        """True once the window holds enough to compare with."""
        return len(self._baseline.window) >= self._baseline.minimum

    def is_rare(self) -> bool | None:
        """Return whether the newest value may lie above `rare`; None while the window is too short or has no spread.

        What lies no higher than the value below that quantile does not: nearly all, and that is all they cost.
        """
        baseline = self._baseline
        value, ordered = baseline.value, baseline.window.ordered
        if value is None or len(ordered) < baseline.minimum or ordered[0] == ordered[-1]:
            return None
        return value > ordered[int(RARE * (len(ordered) - 1))]

    @property
    def robust_zscore(self) -> float | None:
        """Robust z-score of the newest value, on the logarithm unless `is_linear`; None while unknown."""
        return self._baseline.robust_zscore

    @property
    def deviations_beyond_rare(self) -> float | None:
        """Robust deviations that the newest value lies above the `RARE` quantile, on the same scale; None: unknown."""
        value, window = self._baseline.value, self._baseline.window
        rare, scale = window.quantile(RARE), window.robust_scale
        if value is None or rare is None or not scale:
            return None
        return (value - rare) / scale

    @property
    def quartile_distance(self) -> float | None:
        """Interquartile ranges above the third quartile, on the same scale; None while unknown."""
        return self._baseline.quartile_distance

    @property
    def median(self) -> float | None:
        """Median of the window in the signal's own unit."""
        return self._original(self._baseline.window.median)

    @property
    def rare(self) -> float | None:
        """The `RARE` quantile of the window in the signal's own unit."""
        return self._original(self._baseline.window.quantile(RARE))

    @property
    def _baseline(self) -> Baseline:
        if self.baseline is None:
            self.baseline = Baseline.of_size(2, 2)  # `follow` gives it the series' size
        return self.baseline

    def _original(self, value: float | None) -> float | None:
        return value if value is None or self.is_linear else exp(min(value, 709.0))

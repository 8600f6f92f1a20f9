"""The last n values of a signal with their mean, deviation and order, updated value by value."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable
from math import fsum, isfinite, sqrt

from runvitals.stats import order

_SQUARES_FIT = 1e-140, 1e140
"""Where the largest magnitude lies between these, sums of squares neither overflow nor vanish."""

_SMALL, _LARGE, _HIGH = 1e-260, 1e260, 1e130
"""Where the sum of squares lies between the first two and the mean below the third, the largest magnitude does fit."""

_SQUARES_OVERFLOW = _SQUARES_FIT[1] ** 2

_CANCELLED = 1e-6
"""Below this share of its largest value since the last exact computation, a running sum of squares is recomputed."""


class RollingWindow:
    """A sliding window over finite values.

    Mean and sum of squared deviations follow Welford (Technometrics 4, 1962) with the leaving value taken out. What
    rounding adds up is bounded: both are computed anew each time the window has turned over once, and whenever most of
    the sum has cancelled, such as when a huge value leaves. Values are taken relative to one of them, so that a small
    spread around a large level keeps its digits. Values near the limits of a double are scaled first.

    `ordered` holds the values in ascending order: to be read, never to be changed or held on to.
    """

    __slots__ = ("_cursor", "_largest", "_mean", "_origin", "_squares", "_values", "ordered", "size")

    def __init__(self, size: int, values: Iterable[float] = ()) -> None:
        self.size = size
        self.clear()
        for value in values:
            self.push(value)

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Forget all values."""
        self._values = array("d")
        self.ordered = array("d")
        self._cursor = 0
        self._origin = 0.0
        self._mean = self._squares = self._largest = 0.0  # of the values less the origin

    def values(self) -> list[float]:
        """Return the values, oldest first."""
        return [*self._values[self._cursor :], *self._values[: self._cursor]]

    def newest(self, count: int) -> list[float]:
        """Return at most so many of the newest values, oldest first."""
        return self.values()[-count:] if count else []

    def push(self, value: float) -> None:
        """Add a finite value; the oldest leaves once there are `size`."""
        ordered, size = self.ordered, self.size
        if len(ordered) < size:
            self._append(value)
            return
        values, cursor, origin, before = self._values, self._cursor, self._origin, self._mean
        oldest = values[cursor]
        values[cursor] = value
        del ordered[bisect_left(ordered, oldest)]
        insort(ordered, value)
        delta = value - oldest
        self._mean = mean = before + delta / size
        self._squares = squares = self._squares + delta * ((value - origin - mean) + (oldest - origin - before))
        cursor += 1
        self._cursor = cursor = cursor if cursor < size else 0
        largest = self._largest
        if not (
            cursor and largest * _CANCELLED <= squares < _SQUARES_OVERFLOW
        ):  # equal where all values are: both are 0
            self._compute_exactly()
        elif squares > largest:
            self._largest = squares

    def _append(self, value: float) -> None:
        self._values.append(value)
        insort(self.ordered, value)
        shifted = value - self._origin
        delta = shifted - self._mean
        self._mean += delta / len(self._values)
        self._squares += delta * (shifted - self._mean)
        squares, largest = self._squares, self._largest
        if len(self._values) == self.size or not largest * _CANCELLED < squares < _SQUARES_OVERFLOW:
            self._compute_exactly()
        elif squares > largest:
            self._largest = squares

    def _compute_exactly(self) -> None:
        if self.ordered[0] == self.ordered[-1]:  # all are equal: next to nothing is left of the sum of squares
            self._origin = self.ordered[0]
            self._mean = self._squares = self._largest = 0.0
            return
        self._origin = self.ordered[len(self.ordered) // 2]
        shifted = [value - self._origin for value in self.ordered]
        self._mean = mean = sum(shifted) / len(shifted)
        self._squares = self._largest = sum([(value - mean) * (value - mean) for value in shifted])

    def _scale(self) -> float:
        magnitude = max(-self.ordered[0], self.ordered[-1])
        return 1.0 if magnitude == 0.0 or _SQUARES_FIT[0] < magnitude < _SQUARES_FIT[1] else magnitude

    @property
    def mean(self) -> float | None:
        """Mean of the values; None without any."""
        if not self._values:
            return None
        scale = self._scale()
        if scale == 1.0:
            return self._origin + self._mean
        return scale * (fsum(value / scale for value in self.ordered) / len(self.ordered))

    @property
    def stddev(self) -> float | None:
        """Sample standard deviation; None for fewer than two values, 0 exactly where all are equal."""
        n = len(self._values)
        if n < 2:
            return None
        if self.ordered[0] == self.ordered[-1]:
            return 0.0
        scale = self._scale()
        if scale == 1.0:
            return sqrt(self._squares / (n - 1))
        mean = fsum(value / scale for value in self.ordered) / n
        return scale * sqrt(fsum((value / scale - mean) ** 2 for value in self.ordered) / (n - 1))

    def standardised(self, value: float) -> float | None:
        """Return (value - mean) / sample standard deviation; None without a spread, or where it is not finite."""
        center = self._origin + self._mean
        squares = self._squares
        if _SMALL < squares < _LARGE and -_HIGH < center < _HIGH and -_HIGH < value < _HIGH:
            return (value - center) / sqrt(squares / (len(self.ordered) - 1))
        mean, deviation = self.mean, self.stddev
        if mean is None or not deviation:
            return None
        score = (value - mean) / deviation
        return score if isfinite(score) else None

    @property
    def median(self) -> float | None:
        """Median of the values; None without any."""
        return order.median(self.ordered) if self._values else None

    def quantile(self, share: float) -> float | None:
        """Quantile of the values, linear between neighbours; `share` in 0..1. None without any."""
        return order.quantile(self.ordered, share) if self._values else None

    @property
    def robust_scale(self) -> float | None:
        """Robust standard deviation: the largest of 1.4826 MAD, a quarter of the deviation, half the rounding step.

        The floors keep values that were rounded, or constant for a while, from giving scores without bound. None for
        fewer than two values, 0 where all are equal.
        """
        stddev = self.stddev
        if not stddev:
            return stddev
        deviation = order.median_absolute_deviation(self.ordered, order.median(self.ordered))
        # A MAD above 0 is at least half the rounding step already.
        step = 0.0 if deviation else order.smallest_gap(self.ordered)
        scale = max(1.4826 * deviation, 0.25 * stddev, step / 2.0)
        return scale if isfinite(scale) else None

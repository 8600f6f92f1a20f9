"""A series of any length in at most so many columns, made while it streams, without losing a peak."""

from __future__ import annotations

from math import isfinite

import msgspec

from runvitals.exposition.report.reading import Reading

MAX_COLUMNS = 1024


class Column(msgspec.Struct):
    """What fell into one stretch of the axis: smallest and largest value, mean band, largest scores.

    None where there was nothing. `nonfinite` counts values that were NaN or infinite.
    """

    low: float | None = None
    high: float | None = None
    nonfinite: int = 0
    banded: int = 0
    band_low: float = 0.0
    band_high: float = 0.0
    anomaly: float | None = None
    alert: float | None = None
    next_step: float | None = None
    hazard: float | None = None

    def add(self, reading: Reading) -> None:
        """Take a reading."""
        if isfinite(reading.value):
            self.low, self.high = _least(self.low, reading.value), _most(self.high, reading.value)
        else:
            self.nonfinite += 1
        if reading.band is not None:
            self._widen_band(1, *reading.band)
        self.anomaly = _most(self.anomaly, reading.anomaly)
        self.alert = _most(self.alert, reading.alert)
        self.next_step = _most(self.next_step, reading.next_step)
        self.hazard = _most(self.hazard, reading.hazard)

    def merge(self, other: Column) -> None:
        """Take everything of another column."""
        self.low, self.high = _least(self.low, other.low), _most(self.high, other.high)
        self.nonfinite += other.nonfinite
        if other.banded:
            self._widen_band(other.banded, other.band_low, other.band_high)
        self.anomaly, self.alert = _most(self.anomaly, other.anomaly), _most(self.alert, other.alert)
        self.next_step, self.hazard = _most(self.next_step, other.next_step), _most(self.hazard, other.hazard)

    def _widen_band(self, count: int, low: float, high: float) -> None:
        self.banded += count
        share = count / self.banded
        self.band_low += share * (low - self.band_low)
        self.band_high += share * (high - self.band_high)


class Columns:
    """Columns over an axis (steps, or seconds) that grows in both directions.

    Each is `width` wide; when there are too many, the width doubles and neighbours are merged.
    """

    def __init__(self, limit: int = MAX_COLUMNS) -> None:
        self.width = 1
        self._limit = limit
        self._columns: dict[int, Column] = {}

    def add(self, place: float, reading: Reading) -> None:
        """Take a reading at a place on the axis."""
        key = int(place // self.width)
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = Column()
        column.add(reading)
        while len(self._columns) > self._limit:
            self._halve()

    def ordered(self) -> list[tuple[int, Column]]:
        """Return the columns and where each begins, in the order of the axis."""
        return [(key * self.width, self._columns[key]) for key in sorted(self._columns)]

    def _halve(self) -> None:
        self.width *= 2
        columns, self._columns = self._columns, {}
        for key, column in columns.items():
            known = self._columns.get(key // 2)
            if known is None:
                self._columns[key // 2] = column
            else:
                known.merge(column)


def _least(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _most(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)

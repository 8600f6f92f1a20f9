"""The level at which a share began."""

from __future__ import annotations

import msgspec

from runvitals.detectors.segments import Segments
from runvitals.series import Series
from runvitals.values import Sample

SPAN = 8


class StartLevel(msgspec.Struct):
    """Mean of the first values of a segment."""

    count: int = 0
    mean: float = 0.0

    def observe(self, value: float) -> None:
        """Take the next value, in 0..1."""
        self.count += 1
        if self.count <= SPAN:
            self.mean += (value - self.mean) / self.count


class StartLevels(msgspec.Struct):
    """The start of each signal and layer of a rank."""

    segments: Segments = msgspec.field(default_factory=Segments)
    levels: dict[str, StartLevel] = {}

    def observe(self, sample: Sample, series: Series) -> float | None:
        """Take the next value, in 0..1; return the level at which its series began, None while that is unknown."""
        if self.segments.begins(sample, series):
            self.levels = {}
        key = f"{sample.signal}/{sample.layer}"
        start = self.levels.get(key)
        if start is None:
            start = self.levels[key] = StartLevel()
        start.observe(sample.value)
        return start.mean if start.count > SPAN else None


def is_share(value: float) -> bool:
    """Return whether a value can be a share."""
    return 0.0 <= value <= 1.0

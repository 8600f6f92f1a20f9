"""Where a signal begins anew, for detectors that read several signals."""

from __future__ import annotations

import msgspec

from runvitals.series import Series
from runvitals.values import Sample


class Segments(msgspec.Struct):
    """The newest segment of each signal. All layers of a signal begin anew with the first that does."""

    newest: dict[str, int] = {}

    def begins(self, sample: Sample, series: Series) -> bool:
        """Return whether the sample is the first of a new segment of its signal."""
        known, segment = self.newest.get(sample.signal), series.segment
        if known is not None and segment <= known:
            return False
        self.newest[sample.signal] = segment
        return known is not None

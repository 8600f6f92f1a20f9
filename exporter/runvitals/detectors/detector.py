"""What a detector is: something that sees every sample of its signals, in order, and answers each time."""

from __future__ import annotations

import msgspec

from runvitals.series import Admission, Series
from runvitals.values import Event, Sample, Verdict


class Detector(msgspec.Struct):
    """Watches for one fault on one rank.

    The thresholds of its fault are fields by the same names; the rest is its state, plain and bounded data, so that it
    survives a restart. It raises ValueError when made with thresholds that make no sense. It is not shown samples that
    were late or repeated. Each kind of detector has a `tag` of its own.
    """

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest sample of the series; None for a sample that it only learns from."""
        raise NotImplementedError

    def observe_event(self, event: Event) -> Verdict | None:  # noqa: ARG002  # most read none
        """Return the verdict on an event of a kind that its fault names; None where it is only noted."""
        return None

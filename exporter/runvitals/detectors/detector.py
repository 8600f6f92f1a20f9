"""What a detector is: something that sees every sample of its signals, in order, and answers each time."""

from __future__ import annotations

from typing import Protocol

from runvitals.series import Admission, Series
from runvitals.values import Sample, Verdict


class Detector(Protocol):
    """Watches for one fault on one rank.

    A detector is a struct: the thresholds of its fault are fields by the same names, the rest is its state, so that it
    survives a restart. It raises ValueError when made with thresholds that make no sense. It is not shown samples that
    were late or repeated.
    """

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return the verdict on the newest sample of the series; None for a sample that it only learns from."""

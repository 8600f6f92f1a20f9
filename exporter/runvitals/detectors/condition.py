"""What a verdict rests on: statistics beside their thresholds."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec

from runvitals.series import Admission, Series
from runvitals.values import Sample


class Condition(msgspec.Struct, frozen=True):
    """One comparison: it is met where `statistic` is above `threshold`; None while the statistic is unknown.

    `name` is the threshold's in the catalogue. Conditions of one `group` stand for each other: one that is met
    suffices. A detector fires where each group has one.
    """

    name: str
    statistic: float | None
    threshold: float
    group: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the statistic exceeds the threshold."""
        return self.statistic is not None and self.statistic > self.threshold


@runtime_checkable
class Explained(Protocol):
    """A detector that can say what its verdict rests on."""

    def conditions(self, sample: Sample, series: Series, admission: Admission) -> tuple[Condition, ...]:
        """Return what the verdict on a sample rests on; none where it rests on no comparison.

        It takes the sample in, as `observe` does: to be asked of a copy that has not seen it.
        """

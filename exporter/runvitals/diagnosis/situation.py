"""What surrounds a finding when it opens: all that its circumstances are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runvitals.diagnosis.recent_events import RecentEvents
from runvitals.values import Finding, Sample


class Situation(NamedTuple):
    """The last steps of the finding's rank, what was lately told of it, and what others reported.

    `samples` are of the whole rank, in their order; `findings` are those that are open on the rank, or were until its
    run ended, by fault; `others` are the values of the finding's signal on other ranks of the run at the same step.
    """

    finding: Finding
    samples: Sequence[Sample]
    events: RecentEvents
    findings: Mapping[str, Finding]
    others: Sequence[float] = ()

    @property
    def signal(self) -> str:
        """The signal on which the finding was seen; empty where it was on none."""
        return self.finding.evidence[0].signal if self.finding.evidence else ""

    def until(self, signal: str) -> list[Sample]:
        """Return the samples of a signal up to the step of the first sight, the last one being the newest."""
        step = self.finding.first_seen_step
        mine = [one for one in self.samples if one.signal == signal]
        if step is None:
            return mine
        return [one for one in mine if one.step is None or one.step <= step]

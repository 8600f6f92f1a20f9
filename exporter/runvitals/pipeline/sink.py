"""What a sink is: where changes of findings go."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Protocol

from runvitals.values import ChangeKind, Finding, IncidentChange, JournalView


class Sink(Protocol):
    """Keeps what happens to findings. No method waits for a disk but `flush`, and none raises."""

    def offer(self, change: IncidentChange) -> None:
        """Take a change; taking the same one twice is taking it once."""

    def offer_all(self, changes: Iterable[IncidentChange]) -> None:
        """Take what `wants_all` asked for."""

    def pending(self) -> list[IncidentChange]:
        """Return the changes that were taken and could still be lost."""

    def wants_all(self) -> bool:
        """Return True, once, where changes were missed: every finding that is known should be offered as it is."""

    def settle(self, open_ids: Set[str], now: float) -> None:
        """Close what is kept as open but is not among `open_ids`: nobody knows it any more."""

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is pending, at most so long; return whether that is so."""

    def view(self) -> JournalView:
        """Return how the sink is doing."""


def as_change(finding: Finding) -> IncidentChange:
    """Return the change that tells a finding as it is."""
    if finding.closed_time is not None:
        return IncidentChange(
            ChangeKind.CLOSED, finding, finding.closed_time, finding.closed_step, finding.closed_reason
        )
    sentence = finding.evidence[0].sentence if finding.evidence else finding.fault
    return IncidentChange(ChangeKind.OPENED, finding, finding.opened_time, finding.opened_step, sentence)

"""The journal's incidents for the pages; what the journal does not hold (yet) is taken from the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runvitals.exposition.backend import Backend
from runvitals.exposition.findings_json import ordered_findings
from runvitals.exposition.log_once import LogOnce
from runvitals.values import Incident, IncidentRecord, Snapshot

MAX_AGE_SECONDS = 5.0
"""A long journal takes some fifty milliseconds to look through."""


class Past(NamedTuple):
    """The newest incidents of the journal: None where there is no journal; `error` says why it cannot be read."""

    incidents: Sequence[Incident] | None = None
    error: str = ""


class IncidentRecords:
    """Reads the journal, in the thread of whoever asks; one that cannot be read is an answer, not a failure."""

    def __init__(self, backend: Backend, failures: LogOnce) -> None:
        self._backend = backend
        self._failures = failures
        self._past = Past()
        self._read: tuple[int, float] | None = None

    def newest(self, limit: int, snapshot: Snapshot | None, now: float) -> Past:
        """Return so many of the newest incidents; `now` is seconds of a steady clock.

        The journal is read again when the sidecar has written to it, and after MAX_AGE_SECONDS, since others do too.
        """
        written = snapshot.journal.written if snapshot and snapshot.journal else 0
        if self._read is None or self._read[0] != written or now - self._read[1] > MAX_AGE_SECONDS:
            self._past, self._read = self._newest(limit), (written, now)
        return self._past

    def _newest(self, limit: int) -> Past:
        try:
            return Past(self._backend.incidents(limit))
        except Exception as error:  # noqa: BLE001 - the journal's trouble never blanks the page
            self._failures.failure("the journal on the page", error)
            return Past(error=str(error))

    def find(self, identity: str, snapshot: Snapshot | None) -> IncidentRecord | None:
        """Return all that is known of an incident, None where it is not known at all."""
        return self._written(identity) or self._shown(identity, snapshot)

    def _written(self, identity: str) -> IncidentRecord | None:
        try:
            return self._backend.incident(identity)
        except Exception as error:  # noqa: BLE001 - see above
            self._failures.failure("an incident of the journal", error)
            return None

    def _shown(self, identity: str, snapshot: Snapshot | None) -> IncidentRecord | None:
        for finding in ordered_findings(snapshot):
            if finding.id == identity:
                return IncidentRecord(Incident(finding, config="", is_false_alarm=False), (), ())
        return None

"""What the pages know of the journal."""

from __future__ import annotations

import logging

from runvitals.exposition.incident_records import MAX_AGE_SECONDS, IncidentRecords
from runvitals.exposition.log_once import LogOnce
from tests.exposition.snapshots import FixedBackend, closed_finding, incident_record, journal_view, snapshot


def records(backend: FixedBackend) -> IncidentRecords:
    return IncidentRecords(backend, LogOnce(logging.getLogger("test")))


def test_the_journal_is_read_when_it_was_written_or_after_a_while() -> None:
    """Many looks cost one reading; a new incident is there at once, what another process wrote within seconds."""
    backend = FixedBackend()
    backend.journal = []
    known = records(backend)
    shown = snapshot(journal=journal_view(written=1))
    assert known.newest(10, shown, 0.0).incidents == []
    backend.journal = [incident_record(closed_finding())]
    assert known.newest(10, shown, 1.0).incidents == []
    assert len(known.newest(10, snapshot(journal=journal_view(written=2)), 2.0).incidents or ()) == 1
    backend.journal = []
    assert known.newest(10, snapshot(journal=journal_view(written=2)), 3.0 + MAX_AGE_SECONDS).incidents == []


def test_what_is_wrong_with_the_journal_is_an_answer() -> None:
    """And an incident is found in the snapshot all the same."""
    backend = FixedBackend(snapshot())
    backend.journal = OSError("eaten")
    known = records(backend)
    assert known.newest(10, snapshot(), 0.0).error == "eaten"
    found = known.find("llama-0-gradient_explosion-1", snapshot())
    assert found is not None
    assert found.incident.finding.fault == "gradient_explosion"
    assert known.find("nothing", snapshot()) is None

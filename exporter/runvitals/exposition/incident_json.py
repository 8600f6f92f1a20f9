"""One incident as JSON, with everything that is kept of it: what `runvitals incidents export` writes."""

from __future__ import annotations

import msgspec

from runvitals.exposition.findings_json import as_json
from runvitals.values import IncidentRecord


def incident_json(record: IncidentRecord) -> str:
    """Return the incident as one JSON object on one line; numbers that JSON cannot hold are strings."""
    incident = record.incident
    return as_json(
        {
            **msgspec.to_builtins(incident.finding),
            "false_alarm": incident.is_false_alarm,
            "config": incident.config,
            "history": [entry._asdict() for entry in record.history],
            "onset": [sample._asdict() for sample in record.onset],
        }
    )

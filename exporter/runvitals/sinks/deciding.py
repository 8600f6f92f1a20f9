"""What an operator writes to the journal: notes and decisions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from runvitals.sinks import journal_file, writing
from runvitals.sinks.reading import JournalError, JournalReader, reported
from runvitals.values import Action, Finding, Incident

MAX_NOTES = 100
MAX_NOTE = 4_096

_NOTE = "note"


def note(path: Path, prefix: str, text: str, now: float) -> Finding:
    """Add a note to an incident. Raises JournalError."""
    if not text.strip():
        raise JournalError("the note is empty")
    if len(text) > MAX_NOTE:
        raise JournalError(f"the note has {len(text)} characters, at most {MAX_NOTE} are kept")

    def add(connection: sqlite3.Connection, incident: Incident) -> None:
        found = connection.execute(
            "SELECT count(*) FROM entries WHERE incident = ? AND kind = ?", (incident.finding.id, _NOTE)
        ).fetchone()
        if found[0] >= MAX_NOTES:
            raise JournalError(f"incident {incident.finding.id} has {MAX_NOTES} notes, more are not kept")
        writing.add_entry(connection, incident.finding.id, _NOTE, now, None, text)

    return _change(path, prefix, add)


def decide(path: Path, prefix: str, action: Action, reason: str, now: float) -> Finding:
    """Write down what was decided about an incident; a running sidecar takes it up. Raises JournalError.

    `reason` closes an incident that is open here too: there may be no sidecar that does, or none that knows it.
    """

    def add(connection: sqlite3.Connection, incident: Incident) -> None:
        finding = incident.finding
        _check(action, incident)
        connection.execute(
            "INSERT INTO decisions (incident, action, time) VALUES (?, ?, ?)", (finding.id, action.value, now)
        )
        if action is not Action.RESOLVE:
            values = (action is Action.FALSE_ALARM, finding.id)
            connection.execute("UPDATE incidents SET is_false_alarm = ? WHERE id = ?", values)
        writing.add_entry(connection, finding.id, action.value, now, None, _SENTENCES[action])
        if reason and finding.is_open:
            writing.close_incident(connection, finding, now, reason)

    return _change(path, prefix, add)


_SENTENCES = {
    Action.RESOLVE: "an operator resolved it",
    Action.FALSE_ALARM: "an operator called it a false alarm",
    Action.UNDO_FALSE_ALARM: "an operator took back that it was a false alarm",
}


def _check(action: Action, incident: Incident) -> None:
    finding = incident.finding
    if action is Action.RESOLVE and not finding.is_open:
        raise JournalError(f"incident {finding.id} is closed already ({finding.closed_reason})")
    if action is Action.FALSE_ALARM and incident.is_false_alarm:
        raise JournalError(f"incident {finding.id} has been called a false alarm already; --undo takes it back")
    if action is Action.UNDO_FALSE_ALARM and not incident.is_false_alarm:
        raise JournalError(f"incident {finding.id} has not been called a false alarm")


def _change(path: Path, prefix: str, change: Callable[[sqlite3.Connection, Incident], None]) -> Finding:
    with reported(path):
        connection = journal_file.open_for_writing(path)
        try:
            with journal_file.transaction(connection):
                incident = JournalReader(connection).find(prefix)
                change(connection, incident)
            return JournalReader(connection).find(incident.finding.id).finding
        finally:
            connection.close()

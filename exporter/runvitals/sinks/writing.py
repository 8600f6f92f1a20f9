"""What is written to the journal: changes of findings, and what makes room for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Set

import msgspec

from runvitals.sinks.encoding import finding_from_text, finding_to_text, onset_to_text, storable
from runvitals.values import ChangeKind, Finding, IncidentChange

FORGOTTEN = "unknown after a restart"
"""Why an incident closed that the sidecar does not know any more."""

_UPSERT = """
INSERT INTO incidents (id, run, rank, fault, category, severity, opened_time, closed_time, config, finding)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    category = excluded.category, closed_time = excluded.closed_time, finding = excluded.finding
"""
_OLDEST_CLOSED = "SELECT id FROM incidents WHERE closed_time IS NOT NULL ORDER BY is_false_alarm, closed_time LIMIT ?"
_SHARE = 16


def write_change(connection: sqlite3.Connection, change: IncidentChange, config: str) -> None:
    """Write one change; written again it changes nothing. `config` is kept with an incident that is new."""
    finding = change.finding
    names = (finding.id, finding.run, finding.rank, finding.fault, finding.category, finding.severity)
    values = (*map(storable, names), finding.opened_time, finding.closed_time, config, finding_to_text(finding))
    connection.execute(_UPSERT, values)
    if change.onset is not None:
        text = onset_to_text(change.onset)
        connection.execute("UPDATE incidents SET onset = ? WHERE id = ?", (text, finding.id))
    add_opening(connection, finding)
    if change.kind is ChangeKind.CLOSED and change.step is not None:
        # An operator's command may have told it before, not knowing the step.
        told = finding.id, change.kind.value, change.time
        connection.execute("DELETE FROM entries WHERE incident = ? AND kind = ? AND time = ? AND step = ''", told)
    if change.sentence and change.kind is not ChangeKind.OPENED:
        add_entry(connection, finding.id, change.kind.value, change.time, change.step, change.sentence)


def add_opening(connection: sqlite3.Connection, finding: Finding) -> None:
    """Write that the finding opened, whichever change tells of it first."""
    sentence = finding.evidence[0].sentence if finding.evidence else finding.fault
    add_entry(connection, finding.id, ChangeKind.OPENED.value, finding.opened_time, finding.opened_step, sentence)


def add_entry(
    connection: sqlite3.Connection, incident: str, kind: str, time: float, step: int | None, sentence: str
) -> None:
    """Write one line of an incident's history, unless it stands there."""
    connection.execute(
        "INSERT OR IGNORE INTO entries (incident, kind, time, step, sentence) VALUES (?, ?, ?, ?, ?)",
        (incident, kind, time, "" if step is None else str(step), storable(sentence)),
    )


def close_incident(connection: sqlite3.Connection, finding: Finding, time: float, reason: str) -> None:
    """Close an incident that the pipeline does not close itself."""
    closed = msgspec.structs.replace(finding, closed_time=time, closed_reason=reason)
    values = (time, finding_to_text(closed), finding.id)
    connection.execute("UPDATE incidents SET closed_time = ?, finding = ? WHERE id = ?", values)
    add_entry(connection, finding.id, ChangeKind.CLOSED.value, time, None, reason)


def close_others(connection: sqlite3.Connection, open_ids: Set[str], now: float) -> None:
    """Close every incident that is open here but not among `open_ids`."""
    rows = connection.execute("SELECT id, finding FROM incidents WHERE closed_time IS NULL").fetchall()
    for identity, text in rows:
        if identity not in open_ids:
            close_incident(connection, finding_from_text(text), now, FORGOTTEN)


def prune(connection: sqlite3.Connection, max_incidents: int, max_bytes: int) -> int:
    """Delete the oldest closed incidents until both limits hold, false alarms last; return how many."""
    [count] = connection.execute("SELECT count(*) FROM incidents").fetchone()
    pruned = _delete_oldest(connection, count - max_incidents)
    while used_bytes(connection) > max_bytes:
        deleted = _delete_oldest(connection, max(1, (count - pruned) // _SHARE))
        if not deleted:
            break
        pruned += deleted
    if pruned:
        connection.execute("UPDATE journal SET pruned = pruned + ?", (pruned,))
    return pruned


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file is in use."""
    numbers = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZES]
    pages, free, page_size = numbers
    return int((pages - free) * page_size)


_SIZES = ("page_count", "freelist_count", "page_size")


def _delete_oldest(connection: sqlite3.Connection, count: int) -> int:
    if count <= 0:
        return 0
    return connection.execute(f"DELETE FROM incidents WHERE id IN ({_OLDEST_CLOSED})", (count,)).rowcount  # noqa: S608  # a constant

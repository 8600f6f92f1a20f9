"""What stands in the journal, read beside whoever writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from runvitals.sinks import journal_file
from runvitals.sinks.encoding import finding_from_text, onset_from_text
from runvitals.sinks.journal_file import UnusableJournalError
from runvitals.values import HistoryEntry, Incident, IncidentRecord, OnsetSample

_COLUMNS = "id, config, is_false_alarm, finding"


class JournalError(Exception):
    """What keeps a journal from being read or written to; the sentence names it."""


class Filter(NamedTuple):
    """Which incidents; what is empty chooses all."""

    run: str = ""
    fault: str = ""
    open_only: bool = False
    limit: int = -1


class JournalReader:
    """Reads a journal; use `reading` to get one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def incidents(self, wanted: Filter = Filter()) -> list[Incident]:  # noqa: B008  # immutable
        """Return incidents, the newest opening first."""
        # Chosen without their texts, which are a hundred times as long: 10,000 incidents take milliseconds.
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM incidents WHERE rowid IN "  # noqa: S608  # a constant
            "(SELECT rowid FROM incidents WHERE ?1 IN ('', run) AND ?2 IN ('', fault) "
            "AND (NOT ?3 OR closed_time IS NULL) ORDER BY opened_time DESC, id LIMIT ?4) "
            "ORDER BY opened_time DESC, id",
            (wanted.run, wanted.fault, wanted.open_only, wanted.limit),
        )
        return [_incident(row) for row in rows]

    def get(self, identity: str) -> Incident | None:
        """Return the incident of this ID; None without one."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM incidents WHERE id = ?", (identity,)).fetchone()  # noqa: S608  # a constant
        return _incident(row) if row else None

    def find(self, prefix: str) -> Incident:
        """Return the incident whose ID begins like this. Raises JournalError unless there is exactly one."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM incidents WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT 6",  # noqa: S608
            (prefix,),
        ).fetchall()
        exact = [row for row in rows if row[0] == prefix]
        if not rows or not prefix:
            raise JournalError(
                f"no incident has an ID that begins with {prefix!r}: `runvitals incidents list` has them"
            )
        if len(rows) > 1 and not exact:
            raise JournalError(f"several incidents begin with {prefix!r}: {', '.join(row[0] for row in rows)}")
        return _incident((exact or rows)[0])

    def record(self, incident: Incident) -> IncidentRecord:
        """Return all that is kept of an incident."""
        identity = incident.finding.id
        return IncidentRecord(incident, self.history(identity), self.onset(identity))

    def history(self, identity: str) -> list[HistoryEntry]:
        """Return what happened to an incident, oldest first."""
        rows = self._connection.execute(
            "SELECT kind, time, step, sentence FROM entries WHERE incident = ? ORDER BY time, seq", (identity,)
        )
        return [HistoryEntry(kind, time, int(step) if step else None, sentence) for kind, time, step, sentence in rows]

    def onset(self, identity: str) -> list[OnsetSample]:
        """Return the samples around an incident's onset."""
        row = self._connection.execute("SELECT onset FROM incidents WHERE id = ?", (identity,)).fetchone()
        return onset_from_text(row[0]) if row else []


@contextmanager
def reading(path: Path) -> Iterator[JournalReader]:
    """Open a journal to read it, at one moment throughout. Raises JournalError."""
    with reported(path):
        connection = journal_file.open_for_reading(path)
        try:
            connection.execute("BEGIN")
            yield JournalReader(connection)
        finally:
            connection.close()


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn whatever is wrong with a journal into JournalError."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise JournalError(
            f"there is no journal {path}: --state-dir names the folder of the sidecar that keeps one"
        ) from None
    except OSError as error:
        remedy = ": run this as the sidecar's user" if isinstance(error, PermissionError) else ""
        raise JournalError(f"the journal {path} cannot be reached ({error.strerror}){remedy}") from error
    try:
        yield
    except BrokenPipeError:
        raise  # of whoever reads what is printed meanwhile
    except UnusableJournalError as error:
        raise JournalError(str(error)) from error
    except (sqlite3.Error, OSError, ValueError) as error:
        raise JournalError(f"the journal {path} cannot be used: {error}") from error


def _incident(row: tuple[str, str, int, str]) -> Incident:
    _, config, is_false_alarm, finding = row
    return Incident(finding_from_text(finding), config, bool(is_false_alarm))

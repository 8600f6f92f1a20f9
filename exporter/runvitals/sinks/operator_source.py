"""An operator's decisions as a source: read from the journal, into which the commands write them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from runvitals.sinks import journal_file
from runvitals.sinks.encoding import finding_from_text
from runvitals.sinks.journal_file import NotYetAJournalError
from runvitals.sources import OPERATOR
from runvitals.values import Action, Decision, Poll

MAX_DECISIONS_PER_POLL = 256


class _Position(msgspec.Struct, frozen=True):
    """Up to which decision of which journal they have been read."""

    journal: str = ""
    seq: int = 0


class OperatorSource:
    """Delivers each decision once, also over a restart: how far it has read is saved with what they changed."""

    name = OPERATOR
    kind = "operator"
    interval = 1.0
    listens = False

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._position = _Position()

    def poll(self, now: float) -> Poll:  # noqa: ARG002  # protocol
        """Return the decisions since the last poll. Raises what is wrong with the journal."""
        if not self._journal.exists():
            return Poll()
        try:
            connection = journal_file.open_for_reading(self._journal)
        except NotYetAJournalError:
            return Poll()
        try:
            decisions, rejected = self._read(connection)
        finally:
            connection.close()
        return Poll(decisions, rejected, msgspec.to_builtins(self._position))

    def restore(self, position: object) -> None:
        """Go on after what an earlier process read. Raises ValueError if this is no position."""
        self._position = msgspec.convert(position, _Position)

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, connection: sqlite3.Connection) -> tuple[list[Decision], dict[str, int]]:
        [journal] = connection.execute("SELECT identity FROM journal").fetchone()
        if journal != self._position.journal:
            self._position = _Position(journal)
        rows = connection.execute(
            "SELECT decisions.seq, action, time, finding FROM decisions JOIN incidents ON incidents.id = incident "
            "WHERE decisions.seq > ? ORDER BY decisions.seq LIMIT ?",
            (self._position.seq, MAX_DECISIONS_PER_POLL),
        ).fetchall()
        decisions: list[Decision] = []
        for _, action, time, finding in rows:
            try:
                decisions.append(Decision(Action(action), finding_from_text(finding), time))
            except ValueError:
                continue
        if rows:
            self._position = _Position(journal, rows[-1][0])
        unreadable = len(rows) - len(decisions)
        return decisions, {"unreadable": unreadable} if unreadable else {}

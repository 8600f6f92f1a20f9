"""The journal's file: an SQLite database in WAL mode, so that it is read while it is written, and survives a kill."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
"""Of the schema, in the file's `user_version`."""

BUSY_SECONDS = 5.0
"""So long one that writes waits for another."""

_SCHEMA = """
CREATE TABLE journal (identity TEXT NOT NULL, pruned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    rank TEXT NOT NULL,
    fault TEXT NOT NULL,
    category TEXT NOT NULL,
    severity TEXT NOT NULL,
    opened_time REAL NOT NULL,
    closed_time REAL,
    config TEXT NOT NULL,
    is_false_alarm INTEGER NOT NULL DEFAULT 0,
    finding TEXT NOT NULL,
    onset TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX incidents_by_age ON incidents (is_false_alarm, closed_time);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    time REAL NOT NULL,
    step TEXT NOT NULL,
    sentence TEXT NOT NULL,
    UNIQUE (incident, kind, time, step, sentence)
);
CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    action TEXT NOT NULL,
    time REAL NOT NULL
);
CREATE INDEX decisions_by_incident ON decisions (incident);
"""

_TABLES = ("journal", "incidents", "entries", "decisions")
_COUNT_TABLES = f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN {_TABLES}"  # noqa: S608  # constants


class UnusableJournalError(Exception):
    """A file that is no journal this version can use; the sentence names it."""


class NotYetAJournalError(UnusableJournalError):
    """A file without a schema: whoever made it may be about to write one."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the journal, made if there is none. A commit is on disk when it returns.

    Raises UnusableJournalError, or sqlite3.Error or OSError where the disk is in the way.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with explained(path):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts for a new file alone
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA journal_size_limit = {4 * 2**20}")
            _create(connection)
            _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a journal that exists, perhaps while it is written; nothing is changed.

    Raises UnusableJournalError, or sqlite3.Error where it cannot be opened.
    """
    # A closed WAL file can only be opened by one who may make its index: hence not mode=ro.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    try:
        with explained(path):
            connection.execute("PRAGMA query_only = ON")
            _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; whoever else writes waits."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a damaged file into UnusableJournalError."""
    try:
        yield
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        raise UnusableJournalError(f"the journal {path} is damaged ({error})") from error


def is_damage(error: Exception) -> bool:
    """Return whether the file itself is damaged or foreign; a full disk or a lock passes."""
    passing = sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.InterfaceError
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, passing)


def size_bytes(path: Path) -> int:
    """Return how much the journal's files take on disk."""
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def set_aside(path: Path) -> Path:
    """Move an unusable journal out of the way, over an earlier one; return where it is kept."""
    aside = path.with_suffix(".unusable")
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(aside.with_name(aside.name + suffix))
    return aside


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0 and connection.execute("PRAGMA user_version").fetchone() == (0,):
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute("INSERT INTO journal (identity) VALUES (?)", (secrets.token_hex(8),))
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        raise NotYetAJournalError(f"{path} is no journal, or not yet")
    if version != VERSION:
        raise UnusableJournalError(f"the journal {path} has version {version}, this runvitals reads version {VERSION}")
    [tables] = connection.execute(_COUNT_TABLES).fetchone()
    if tables != len(_TABLES):
        raise UnusableJournalError(f"the journal {path} lacks tables: it is damaged, or another program's")

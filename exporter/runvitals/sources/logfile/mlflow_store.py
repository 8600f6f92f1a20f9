"""MLflow's SQLite store: values of all runs in one table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from math import copysign, inf, nan
from pathlib import Path
from urllib.parse import quote

import msgspec

from runvitals.sources.logfile.cells import to_number, to_time
from runvitals.sources.logfile.claims import Claims
from runvitals.sources.logfile.errors import DamagedFileError
from runvitals.sources.logfile.row import Row

SQLITE_MAGIC = b"SQLite format 3\0"
MAX_ROWS = 10_000
_INFINITE = 1.797e308
"""MLflow stores an infinity as the largest finite number, which some back ends need."""

_SELECT = """
SELECT m.rowid, m.key, m.value, m.timestamp, m.step, m.is_nan, m.run_uuid, r.name
FROM metrics AS m LEFT JOIN runs AS r ON r.run_uuid = m.run_uuid
WHERE m.rowid > ? ORDER BY m.rowid LIMIT ?
"""
_Record = tuple[int, str, object, object, object, object, str, "str | None"]


class MlflowStore(msgspec.Struct, tag="mlflow_store"):
    """`row` is the number of the newest row that was read; None before the first look."""

    row: int | None = None
    claims: Claims = msgspec.field(default_factory=Claims)

    def read_new(self, path: str, since: float) -> list[Row]:
        """Return at most `MAX_ROWS` new values, in the order in which they were stored.

        At the first look, what the newest `MAX_ROWS` tell of runs that have had a value since `since` (Unix seconds).
        Raises DamagedFileError where this is no MLflow store, and OSError where it cannot be read now.
        """
        uri = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as store:
                first_look = self.row is None
                if self.row is None:
                    (newest,) = store.execute("SELECT max(rowid) FROM metrics").fetchone()
                    self.row = max(0, (newest or 0) - MAX_ROWS)
                records: list[_Record] = store.execute(_SELECT, (self.row, MAX_ROWS)).fetchall()
        except sqlite3.OperationalError as error:
            if "no such" in str(error):
                raise DamagedFileError(f"no MLflow store: {error}") from None
            raise OSError(str(error)) from None
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise DamagedFileError(str(error)) from None
        self.row = records[-1][0] if records else self.row
        rows = [_row(record, self.claims) for record in records]
        return _of_living(rows, since) if first_look else rows


def _row(record: _Record, claims: Claims) -> Row:
    _, key, value, time, step, is_nan, run, name = record
    number = nan if is_nan else to_number(value)
    if number is not None and abs(number) > _INFINITE:
        number = copysign(inf, number)
    signal, factor = claims.quantity(str(key), run)
    whole = step if isinstance(step, int) else None
    values = {} if number is None else {signal: number * factor}
    return Row(values, whole, to_time(time)[0], run=f"{name}-{run[:8]}" if name else str(run))


def _of_living(rows: list[Row], since: float) -> list[Row]:
    newest: dict[str, float] = {}
    for row in rows:
        newest[row.run] = max(newest.get(row.run, 0.0), row.time or 0.0)
    return [row for row in rows if newest[row.run] >= since]

"""When the rows of a file happened: by their own times, else by the file's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.row import Clue, Row

SPACING = 1.0
"""Seconds from one row of the past to the next where nothing tells how long a step took."""

_FIRST_UNIX = 1e9
"""A time before 2001 counts from the start of the run."""

_QUARTER = 900.0
_LARGEST_ZONE = 15 * 3600.0
_EXACT = 120.0
_LONGEST_STEP = 3600.0

Dated = tuple["Row | Clue", float]


class Reading(NamedTuple):
    """When a part of a file was read.

    It was `modified` (mtime) when it was read at `now`; `since` is when it was read before, None for the past: what
    stood there before anyone looked. `rows_after` estimates how many rows follow what was read; at 0 the end was read.
    """

    now: float
    modified: float
    since: float | None
    rows_after: float = 0.0


class Dating(msgspec.Struct):
    """Gives each row of a file its time. `zone` is by how much the clock of its lines is ahead of UTC, once known."""

    zone: float | None = None

    def date(self, items: Sequence[Row | Clue], reading: Reading) -> list[Dated]:
        """Return the items with their times, none of them after `now`.

        A row of the past without a time is dated back from the next one by the duration of its step, if it tells one.
        """
        if reading.rows_after == 0.0:
            self._learn_zone(items, reading.modified)
        untimed = min(reading.modified, reading.now) - reading.rows_after * SPACING
        if reading.since is not None:
            untimed = min(max(reading.modified, reading.since), reading.now)
        dated: list[Dated] = []
        for item in reversed(items):
            written = self._written(item)
            time = min(untimed if written is None else written, reading.now)
            dated.append((item, time))
            if reading.since is None:
                untimed = time - _duration(item)
        return dated[::-1]

    def _written(self, item: Row | Clue) -> float | None:
        if item.time is None or item.time < _FIRST_UNIX:
            return None
        if not item.zoneless:
            return item.time
        return item.time - (_zone_here(item.time) if self.zone is None else self.zone)

    def _learn_zone(self, items: Sequence[Row | Clue], modified: float) -> None:
        """The newest line was written when the file was modified last: the rest of the difference is the zone."""
        newest = next((item for item in reversed(items) if item.time is not None), None)
        if self.zone is not None or newest is None or newest.time is None or not newest.zoneless:
            return
        ahead = newest.time - modified
        zone = round(ahead / _QUARTER) * _QUARTER
        if abs(ahead - _zone_here(newest.time)) > _EXACT and abs(ahead - zone) < _EXACT and abs(zone) < _LARGEST_ZONE:
            self.zone = zone
        else:
            self.zone = _zone_here(newest.time)


def _duration(item: Row | Clue) -> float:
    if isinstance(item, Clue):
        return 0.0
    seconds = item.values.get(signals.STEP_SECONDS.name, SPACING)
    return seconds if 0.0 < seconds <= _LONGEST_STEP else SPACING


def _zone_here(time: float) -> float:
    """Return by how much this machine's clock is ahead of UTC."""
    try:
        offset = datetime.fromtimestamp(time, timezone.utc).astimezone().utcoffset()
    except (ValueError, OverflowError, OSError):
        return 0.0
    return offset.total_seconds() if offset else 0.0

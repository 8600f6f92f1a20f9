"""The time that stands in a line of a log."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_TIME = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6})\d*)?\s?(Z|[+-]\d\d:?\d\d)?(?![\d:])"
)
_WITHIN = 160
"""A line's own time stands near its beginning."""


def find_time(line: str) -> tuple[float | None, bool]:
    """Return the Unix time in a line (None where it has none), and whether it names no zone: it is taken for UTC."""
    match = _TIME.search(line, 0, _WITHIN) if ":" in line else None
    if match is None:
        return None, False
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, int((match[7] or "").ljust(6, "0")), timezone.utc)
    except ValueError:
        return None, False
    return moment.timestamp() - _offset(match[8]), match[8] is None


def _offset(zone: str | None) -> float:
    if zone in (None, "Z"):
        return 0.0
    digits = zone[1:].replace(":", "")
    seconds = 3600.0 * int(digits[:2]) + 60.0 * int(digits[2:])
    return -seconds if zone[0] == "-" else seconds

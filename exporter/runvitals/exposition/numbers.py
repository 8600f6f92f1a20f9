"""Numbers and times as a person reads them."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from math import isfinite

_NONFINITE = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
_SHORT = {"1": "", "seconds": "s", "1 per second": "/s", "degrees Celsius": "°C", "watts": "W", "hertz": "Hz"}
_UNITS_OF_TIME = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def number(value: float | None) -> str:
    """Return four digits of a number, or all of a whole one below a million; what is not known is said."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def span(low: float | None, high: float | None, unit: str = "") -> str:
    """Return a range; an end that is not known is left open."""
    if low is None and high is None:
        return "-"
    if low is None:
        return f"up to {number(high)}{unit}"
    if high is None:
        return f"from {number(low)}{unit}"
    return f"{number(low)} to {number(high)}{unit}"


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit (one of the catalogue's), in the multiple that a person would say."""
    if not isfinite(value):
        return _NONFINITE[str(value)]
    if unit == "seconds" and 0.0 < abs(value) < 1.0:
        return f"{number(value * 1e3)} ms" if abs(value) >= 1e-3 else f"{number(value * 1e6)} µs"
    if unit.startswith("bytes"):
        return _bytes(value) + unit.removeprefix("bytes").replace(" per second", "/s")
    short = _SHORT.get(unit, unit.replace(" per second", "/s"))
    return f"{number(value)} {short}" if short else number(value)


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units: 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if not isfinite(seconds):
        return "unknown"
    rest = max(0, round(seconds))
    for (larger, size), (smaller, part) in pairwise(_UNITS_OF_TIME):
        if rest >= size:
            remainder = rest % size // part
            return f"{rest // size} {larger}" + (f" {remainder} {smaller}" if remainder else "")
    return f"{rest} s"


def utc(seconds: float) -> datetime | None:
    """Return Unix seconds as a moment in UTC; None where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):  # NaN, or a year that no calendar has
        return None


def _bytes(value: float) -> str:
    for prefix in ("", "Ki", "Mi", "Gi"):
        if abs(value) < 1024.0:
            return f"{number(value)} {prefix}B"
        value /= 1024.0
    return f"{number(value)} TiB"

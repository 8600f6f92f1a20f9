"""Whether a logger has rounded a value."""

from __future__ import annotations

MOST = 4
"""Decimals up to which loggers round; a value of float32 has more by chance once in a thousand times."""


def looks_rounded(value: float) -> bool:
    """Return whether the finite value has at most MOST decimals, as 0 does: that it stays the same says little."""
    return round(value, MOST) == value

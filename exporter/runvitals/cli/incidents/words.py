"""Times and foreign names as a terminal may show them."""

from __future__ import annotations

from datetime import datetime, timezone


def when(time: float) -> str:
    """Return Unix seconds as UTC, or as a number where no calendar has such a day."""
    try:
        return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return repr(time)


def on_one_line(text: str) -> str:
    """Return text without what could move the cursor or colour the terminal: names come from other people."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)

"""Times and foreign names as a terminal may show them."""

from __future__ import annotations

from runvitals.exposition.numbers import utc


def when(time: float) -> str:
    """Return Unix seconds as UTC, or as a number where no calendar has such a day."""
    moment = utc(time)
    return repr(time) if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def on_one_line(text: str) -> str:
    """Return text without what could move the cursor or colour the terminal: names come from other people."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)

"""Foreign text, times and tables as harmless HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from typing import TypeVar

MAX_TEXT = 300

_T = TypeVar("_T")


def text(foreign: str) -> str:
    """Return other people's text as harmless HTML, cut to what a person would read."""
    return escape(foreign if len(foreign) <= MAX_TEXT else foreign[:MAX_TEXT] + "…")


def name(foreign: str) -> str:
    """Return a foreign name so that its writing direction stays its own."""
    return f"<bdi>{text(foreign)}</bdi>"


def known(value: _T | None, draw: Callable[[_T], str]) -> str:
    """Return a value as it is to be drawn, or that it is not known."""
    return '<span class="soft">unknown</span>' if value is None else draw(value)


def when(seconds: float) -> str:
    """Return Unix seconds as a time in UTC, marked as such."""
    moment = _moment(seconds)
    return as_utc(seconds) if moment is None else f'<time datetime="{moment.isoformat()}">{as_utc(seconds)}</time>'


def as_utc(seconds: float) -> str:
    """Return Unix seconds as a time in UTC; as a number where no calendar has such a day."""
    moment = _moment(seconds)
    return text(str(seconds)) if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):  # NaN, or a year that no calendar has
        return None


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already; on a narrow screen each cell shows its title."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(_row(head, row) for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _row(head: Sequence[str], cells: Iterable[str]) -> str:
    return (
        "<tr>"
        + "".join(f'<td data-label="{title}">{cell}</td>' for title, cell in zip(head, cells, strict=True))
        + "</tr>"
    )

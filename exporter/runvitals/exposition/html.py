"""Foreign text, times and tables as harmless HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2s
from html import escape
from typing import TypeVar

from runvitals.exposition.numbers import utc

MAX_TEXT = 600
SEVERITIES = ("critical", "warning", "info")
"""The most urgent first; each is a class of the style."""

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
    moment = utc(seconds)
    return as_utc(seconds) if moment is None else f'<time datetime="{moment.isoformat()}">{as_utc(seconds)}</time>'


def as_utc(seconds: float) -> str:
    """Return Unix seconds as a time in UTC; as a number where no calendar has such a day."""
    moment = utc(seconds)
    return text(str(seconds)) if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def hidden(number: int, what: str) -> str:
    """Return a line that says how many are not shown; none where there are none."""
    return f'<p class="soft">and {number:,} more {what}.</p>' if number > 0 else ""


def severity_class(severity: str) -> str:
    """Return the style's class for words of this severity."""
    return {"critical": "bad", "warning": "warn"}.get(severity, "soft")


def row_key(cells: Sequence[str]) -> str:
    """Return what tells a row from others, by which a script finds it again when the page is renewed."""
    return blake2s("\0".join(cells).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, keyed_by: int = 0) -> str:
    """Return a table of cells that are HTML already; on a narrow screen each cell shows its title.

    The first `keyed_by` cells tell one row from another.
    """
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(_row(head, row, keyed_by) for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _row(head: Sequence[str], cells: Sequence[str], keyed_by: int) -> str:
    key = f' data-key="{row_key(cells[:keyed_by])}"' if keyed_by else ""
    return (
        f"<tr{key}>"
        + "".join(f'<td data-label="{title}">{cell}</td>' for title, cell in zip(head, cells, strict=True))
        + "</tr>"
    )

"""The lines of a page: Prometheus text or OpenMetrics, and what servers write that is neither.

Lines of metrics that nobody wants are passed over as soon as the name is read; a strict parser would give up the page
at the first bad line, and take longer than the interval over a large one.
"""

from __future__ import annotations

import re
from math import isfinite

from runvitals.sources.prometheus.reasons import Reason

NAME = re.compile(r"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)(?=[ \t{])")
DECLARED = re.compile(r"[ \t]*#[ \t]*(?:TYPE|HELP)[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)")

_REST = re.compile(
    r"""[ \t]*(?:\{((?:[^"}]|"[^"\\]*(?:\\.[^"\\]*)*")*)\}[ \t]*)?  # labels
        ([^\s{}]+)                                            # value
        (?:[ \t]+[-+.0-9eE]+)?                                # time, which is not used
        [ \t\r]*(?:\#.*)?\Z""",  # an exemplar
    re.VERBOSE | re.DOTALL,
)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?:,|\Z)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE)


class BadLineError(Exception):
    """A line that is not taken, for the `reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def split_rest(rest: str) -> tuple[str, float]:
    """Return the text between a line's braces, and its finite value. Raises BadLineError."""
    found = _REST.match(rest)
    if not found:
        raise BadLineError(Reason.MALFORMED_LINE)
    return found[1] or "", to_number(found[2])


def to_number(text: str) -> float:
    """Return a finite number. Raises BadLineError."""
    try:
        value = float(text) if _NUMBER.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None:
        raise BadLineError(Reason.NOT_A_NUMBER)
    if not isfinite(value):
        raise BadLineError(Reason.NOT_FINITE)
    return value


def read_labels(text: str) -> dict[str, str]:
    """Return the labels between the braces; a comma after the last is allowed. Raises BadLineError."""
    labels, position = {}, 0
    text = text.strip()
    while position < len(text):
        found = _LABEL.match(text, position)
        if not found:
            raise BadLineError(Reason.MALFORMED_LINE)
        labels[found[1]] = _unescaped(found[2])
        position = found.end()
    return labels


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value) if "\\" in value else value

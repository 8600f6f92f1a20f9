"""Colours that the colour-blind tell apart, and the words that stand beside them.

The palette is that of Okabe and Ito, "Color Universal Design" (2008). A state is never told by its colour alone.
"""

from __future__ import annotations

from typing import Any, get_args

from runvitals.catalogue.faults import Severity

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
GREY = "#999999"

SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, GREY)
"""Colours of the queries of a panel, in order."""

SEVERITIES: tuple[str, ...] = tuple(reversed(get_args(Severity)))
"""From the least to the worst; a severity's number on a timeline is its place, from 1."""

_SEVERITY_COLOURS = {"info": SKY, "warning": ORANGE, "critical": VERMILION}
_SIGNS = {"info": "●", "warning": "◆", "critical": "▲"}


def number_of(severity: str) -> int:
    """Return the number of a severity on a timeline: larger is worse, 0 is nothing open."""
    return SEVERITIES.index(severity) + 1


def word_of(severity: str) -> str:
    """Return how a severity is written: a sign and the word."""
    return f"{_SIGNS[severity]} {severity}"


def severity_numbers(nothing: str) -> list[dict[str, Any]]:
    """Return the value mappings of a timeline of severities; 0 is shown as `nothing`."""
    words = {"0": (nothing, GREEN)}
    words |= {str(number_of(name)): (word_of(name), _SEVERITY_COLOURS[name]) for name in SEVERITIES}
    return words_for(words)


def severity_words() -> list[dict[str, Any]]:
    """Return the value mappings of a column of severities."""
    return words_for({name: (word_of(name), _SEVERITY_COLOURS[name]) for name in reversed(SEVERITIES)})


def up_and_down() -> list[dict[str, Any]]:
    """Return the value mappings of what is 1 when it works and 0 when not."""
    return words_for({"1": ("● up", GREEN), "0": ("▲ down", VERMILION)})


def words_for(words: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the value mappings that show each value as a text in a colour."""
    options = {
        value: {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]

"""What a block of lines can hold at all: found once for all of them, so that most are tried on next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runvitals.sources.logfile import announcements, evidence
from runvitals.sources.logfile.formats import LINE_FORMATS
from runvitals.sources.logfile.formats.line_format import LineFormat


class Hints(NamedTuple):
    """The formats, and the words of evidence and of announcements, that lines may have."""

    formats: Sequence[LineFormat]
    signs: Sequence[str]
    announcements: Sequence[str]
    has_json: bool


def hints_in(lines: Sequence[str], patterns: Sequence[LineFormat]) -> Hints:
    """Return what some of the lines may have. `patterns` are tried before the formats known."""
    block = "\n".join(lines)
    lower = block.lower()
    formats = [one for one in (*patterns, *LINE_FORMATS) if not one.words or any(word in lower for word in one.words)]
    signs = [word for word in evidence.WORDS if word in block]
    return Hints(formats, signs, [word for word in announcements.WORDS if word in block], '{"' in block)

"""What launchers put before a line: colours, and whose line it is."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_LAUNCHERS = (
    re.compile(r"\s*\[(?:rank|default)(\d{1,6})\]:\s?"),  # torch and torchrun
    re.compile(r"\s*\[\d+,(\d{1,6})\]<(?:stdout|stderr|stddiag)>:\s?"),  # mpirun --tag-output
)
_WITHIN = re.compile(r"\[(?:PG [^\]]{0,80}?)?Rank (\d{1,6})\]", re.IGNORECASE)  # PyTorch's process groups


def without_colours(line: str) -> str:
    """Return the line without what steers a terminal."""
    return _ANSI.sub("", line) if "\x1b" in line else line


def split_rank(line: str) -> tuple[str, str]:
    """Return the rank that a launcher wrote before the line (empty where none did), and the line without it."""
    rank = ""
    if not line.lstrip().startswith("["):
        return rank, line
    for pattern in _LAUNCHERS:
        match = pattern.match(line)
        if match:
            rank, line = str(int(match[1])), line[match.end() :]
    return rank, line


def rank_within(line: str) -> str:
    """Return the rank that the line itself names (`[Rank 3]`), empty where it names none."""
    match = _WITHIN.search(line)
    return str(int(match[1])) if match else ""

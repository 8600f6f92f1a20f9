"""Tells what happens, a line each, with the seconds since the start."""

from __future__ import annotations

import sys
import textwrap
import time

from .stations import Vitals

WIDTH = 110
LINES_OF_MESSAGE = 14
NEVER = 1e-6  # a probability below it is not worth its digits
INDENT = " " * 25


class Narration:
    """Prints lines as `  12.3 s  station       what happened`."""

    def __init__(self) -> None:
        self._started = time.time()

    def line(self, station: str, what: str, at: float | None = None) -> None:
        """Print what happened at a station, at Unix time `at` or now."""
        seconds = (time.time() if at is None else at) - self._started
        _print(f"{seconds:8.1f} s  {station:<13} {what}")

    def quote(self, text: str, most: int = LINES_OF_MESSAGE) -> None:
        """Print the text of a message below the line that announced it, cut after `most` lines."""
        lines = [part for line in text.strip().splitlines() if line.strip() for part in textwrap.wrap(line, WIDTH)]
        for line in lines[:most]:
            _print(f"{INDENT}| {line}")
        if len(lines) > most:
            _print(f"{INDENT}| ...")

    def plain(self, text: str = "") -> None:
        """Print a line without time or station."""
        _print(text)


def in_words(vitals: Vitals) -> str:
    """Return the vitals on one line; what has no answer is a dash."""
    return (
        f"step {_number(vitals.step, '5.0f')}   loss {_number(vitals.loss, '9.4g')}"
        f"   grad_norm {_number(vitals.grad_norm, '9.4g')}   z {_number(vitals.zscore, '+9.3g')}"
        f"   P(explosion) {_probability(vitals.probability)}"
    )


def _number(value: float | None, how: str) -> str:
    width = int("".join(character for character in how.split(".")[0] if character.isdigit()))
    return "-".rjust(width) if value is None else format(value, how)


def _probability(value: float | None) -> str:
    return f"<{NEVER:.0e}" if value is not None and value < NEVER else _number(value, "6.2g")


def _print(text: str) -> None:
    """Print text without what would move the cursor or change the terminal: names come from whoever starts a run."""
    printable = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    sys.stdout.write(f"{printable}\n")
    sys.stdout.flush()

"""What is said of a signal."""

from __future__ import annotations

from typing import Literal, NamedTuple

BadSide = Literal["high", "low", "both"]


class Signal(NamedTuple):
    """A canonical signal: its name, unit, what it means, and its foreign names (compared in lower case).

    `bad_side`: the direction in which an unusual value is worth an alert.
    """

    name: str
    unit: str
    meaning: str
    foreign_names: tuple[str, ...] = ()
    bad_side: BadSide = "both"

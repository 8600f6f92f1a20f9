"""What a later process needs to know of a page that it may find gone."""

from __future__ import annotations

import msgspec

Key = tuple[str, str, str]
"""Run, layer and signal."""


class Position(msgspec.Struct, frozen=True):
    """The models that the page named, and the signals that had a value (not NaN) when they were last told."""

    models: list[str]
    known: list[Key]


def to_plain(position: Position) -> object:
    """Return a position as plain data."""
    return msgspec.to_builtins(position)


def from_plain(data: object) -> Position:
    """Return the position. Raises ValueError for what is none."""
    try:
        return msgspec.convert(data, Position)
    except msgspec.ValidationError as error:
        raise ValueError(f"not the position of a prometheus source: {error}") from None

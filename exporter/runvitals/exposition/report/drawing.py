"""Columns as the paths of an SVG picture that is WIDTH wide and stretched to whatever there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from runvitals.exposition.report.axis import Axis
from runvitals.exposition.report.downsampling import Column

WIDTH = 1000.0

Placed = tuple[float, Column]
"""A column and where it stands, from 0 to WIDTH."""


def envelope(columns: Iterable[Placed], axis: Axis, height: float) -> str:
    """Return the line through the values: through the smallest and largest of each column."""
    points = []
    for x, column in columns:
        if column.low is None or column.high is None:
            continue
        points.append(_point(x, axis, column.low, height))
        if column.high != column.low:
            points.append(_point(x, axis, column.high, height))
    return _line(points)


def band(columns: Sequence[Placed], axis: Axis, height: float) -> str:
    """Return the outlines of the band, one for each stretch where it is known."""
    outlines = []
    for stretch in _stretches(columns, lambda column: column.banded > 0):
        upper = [_point(x, axis, column.band_high, height) for x, column in stretch]
        lower = [_point(x, axis, column.band_low, height) for x, column in reversed(stretch)]
        outlines.append(f"{_line([*upper, *lower])}Z")
    return "".join(outlines)


def line(columns: Sequence[Placed], value: Callable[[Column], float | None], axis: Axis, height: float) -> str:
    """Return the line through a number of each column, broken where it is unknown."""
    return "".join(
        _line([_point(x, axis, value(column) or 0.0, height) for x, column in stretch])
        for stretch in _stretches(columns, lambda column: value(column) is not None)
    )


def stems(columns: Iterable[Placed], value: Callable[[Column], float | None], axis: Axis, height: float) -> str:
    """Return an upright line for each column whose number is above 0."""
    found = ((x, value(column)) for x, column in columns)
    return "".join(f"M{x:.1f} {height:g}V{_y(axis, number, height)}" for x, number in found if number)


def ticks_above(columns: Iterable[Placed]) -> str:
    """Return a short line at the upper edge for each column with values that are not finite."""
    return "".join(f"M{x:.1f} 0V10" for x, column in columns if column.nonfinite)


def _stretches(columns: Sequence[Placed], is_known: Callable[[Column], bool]) -> list[list[Placed]]:
    """Return the stretches of neighbours of which something is known."""
    found: list[list[Placed]] = [[]]
    for x, column in columns:
        if is_known(column):
            found[-1].append((x, column))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def _line(points: Sequence[str]) -> str:
    """Return a path through points; a single one is drawn as a dot by its round ends."""
    if not points:
        return ""
    return f"M{'L'.join([*points, *points[:1]] if len(points) == 1 else points)}"


def _point(x: float, axis: Axis, value: float, height: float) -> str:
    return f"{x:.1f} {_y(axis, value, height)}"


def _y(axis: Axis, value: float, height: float) -> str:
    return f"{height * (1.0 - axis.share(value)):.1f}"

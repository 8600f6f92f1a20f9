"""The grid: rows of lines of panels, each line of equal panels that fill its width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grafana.build.panels import Json

WIDTH = 24
NUMBER, GRAPH, TALL = 4, 8, 11
"""Heights of a line, in units of the grid."""


class Line(NamedTuple):
    """Panels side by side; a whole number of them fills the grid."""

    height: int
    panels: Sequence[Json]


class Row(NamedTuple):
    """A heading, and lines of panels under it."""

    title: str
    lines: Sequence[Line]


def graphs(panels: Sequence[Json], abreast: int = 2) -> list[Line]:
    """Return graphs in lines of so many; the last line is filled by wider ones."""
    return [Line(GRAPH, panels[begin : begin + abreast]) for begin in range(0, len(panels), abreast)]


def place(rows: Sequence[Row]) -> list[Json]:
    """Return headings and panels with their numbers and places. Raises ValueError where a line cannot fill the grid."""
    placed: list[Json] = []
    top = 0
    for row in rows:
        placed.append({"type": "row", "title": row.title, "collapsed": False, "panels": [], **_at(0, top, WIDTH, 1)})
        top += 1
        for line in row.lines:
            placed.extend(_side_by_side(line, top))
            top += line.height
    return [{"id": number, **panel} for number, panel in enumerate(placed, 1)]


def _side_by_side(line: Line, top: int) -> list[Json]:
    width, rest = divmod(WIDTH, len(line.panels))
    if rest:
        raise ValueError(f"{len(line.panels)} panels do not fill a line of {WIDTH}")
    return [{**panel, **_at(place * width, top, width, line.height)} for place, panel in enumerate(line.panels)]


def _at(left: int, top: int, width: int, height: int) -> Json:
    return {"gridPos": {"x": left, "y": top, "w": width, "h": height}}

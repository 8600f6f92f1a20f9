"""One series as an SVG picture: values with their band, scores, explosion probabilities, marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from runvitals.exposition.html import text
from runvitals.exposition.numbers import number
from runvitals.exposition.report import drawing
from runvitals.exposition.report.axis import Axis, axis_of
from runvitals.exposition.report.downsampling import Column
from runvitals.exposition.report.drawing import WIDTH, Placed
from runvitals.exposition.report.marks import NumberedFinding, PlacedEvent, event_marks, finding_marks
from runvitals.exposition.report.recorder import Extreme, Panel

_TOP, _GAP, _BOTTOM = 36, 24, 18
_VALUES, _SCORES, _PROBABILITIES = 190, 70, 60
_TICK_APART = 26.0
_SCORE_AXIS_LEAST = 4.0


Spelling = Callable[[float], str]
"""From a place on the axis to what a person reads."""


class Part(NamedTuple):
    """One plot of a picture: its title, height, axis, and the paths in it by their class."""

    title: str
    height: int
    axis: Axis
    paths: Sequence[tuple[str, str]]


def picture(
    panel: Panel,
    number: int,
    findings: Sequence[NumberedFinding],
    events: Sequence[PlacedEvent],
    spelled: Spelling,
) -> str:
    """Return the picture of a panel; `number` tells its title from those of the others."""
    start, end = _extent(panel)

    def percent(place: float) -> float:
        return 100.0 * min(max((place - start) / (end - start), 0.0), 1.0)

    middle = (panel.columns.width - 1) / 2.0  # of a column: its last step is one before the next column's first
    columns = [(WIDTH / 100.0 * percent(place + middle), column) for place, column in panel.columns.ordered()]
    parts = list(_parts(columns))
    height = _TOP + sum(part.height for part in parts) + _GAP * (len(parts) - 1)
    marks = "".join(
        (
            *event_marks(events, percent, height, has_steps=panel.has_steps),
            *finding_marks(findings, percent, height, has_steps=panel.has_steps),
        )
    )
    return (
        f'<svg role="img" aria-labelledby="t{number} d{number}" width="100%" height="{height + _BOTTOM}">'
        f'<title id="t{number}">{text(panel.place.signal)}</title>'
        f'<desc id="d{number}">{description(panel, spelled)}</desc>'
        f"{''.join(_stacked(parts))}{marks}{_ends(spelled(panel.start), spelled(panel.end), height)}</svg>"
    )


def description(panel: Panel, spelled: Spelling) -> str:
    """Return in a sentence what is to be seen, as HTML."""
    counted = f"{panel.count} values"
    if panel.lowest and panel.highest:
        counted += f", from {_extreme(panel.lowest, spelled)} to {_extreme(panel.highest, spelled)}"
    return f"{counted}; {panel.nonfinite} not finite" if panel.nonfinite else counted


def _extreme(extreme: Extreme, spelled: Spelling) -> str:
    return f"{extreme.value:.6g} ({spelled(extreme.place)})"


def _extent(panel: Panel) -> tuple[float, float]:
    """Return where the axis begins and ends; a single place gets room on both sides."""
    return (panel.start, panel.end) if panel.end > panel.start else (panel.start - 1.0, panel.end + 1.0)


def _parts(columns: list[Placed]) -> Iterator[Part]:
    yield _values(columns)
    if any(column.anomaly is not None for _, column in columns):
        yield _scores(columns)
    if any(column.next_step is not None or column.hazard is not None for _, column in columns):
        yield _probabilities(columns)


def _values(columns: list[Placed]) -> Part:
    lows = [column.low for _, column in columns if column.low is not None]
    highs = [column.high for _, column in columns if column.high is not None]
    axis = axis_of(min(lows), max(highs)) if lows and highs else axis_of(0.0, 1.0)
    return Part(
        "value, logarithmic" if axis.is_log else "value",
        _VALUES,
        axis,
        (
            ("band", drawing.band(columns, axis, _VALUES)),
            ("value", drawing.envelope(columns, axis, _VALUES)),
            ("nonfinite", drawing.ticks_above(columns)),
        ),
    )


def _scores(columns: list[Placed]) -> Part:
    axis = Axis(0.0, max(_SCORE_AXIS_LEAST, *(column.anomaly or 0.0 for _, column in columns)))
    return Part(
        "anomaly score; upright: alert score",
        _SCORES,
        axis,
        (
            ("alert", drawing.stems(columns, lambda column: column.alert, axis, _SCORES)),
            ("anomaly", drawing.line(columns, lambda column: column.anomaly, axis, _SCORES)),
        ),
    )


def _probabilities(columns: list[Placed]) -> Part:
    axis = Axis(0.0, 1.0)
    lines: tuple[tuple[str, Callable[[Column], float | None]], ...] = (
        ("next", lambda column: column.next_step),
        ("hazard", lambda column: column.hazard),
    )
    return Part(
        "explosion probability: next step (thin), 50 steps (thick)",
        _PROBABILITIES,
        axis,
        [(name, drawing.line(columns, value, axis, _PROBABILITIES)) for name, value in lines],
    )


def _stacked(parts: list[Part]) -> Iterator[str]:
    top = _TOP
    for part in parts:
        yield _plot(part, top)
        top += part.height + _GAP


def _plot(part: Part, top: int) -> str:
    paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in part.paths if path)
    ticks = "".join(_tick(part, top, value) for value in _apart(part))
    return (
        f'<rect class="plot" x="0" y="{top}" width="100%" height="{part.height}"/>'
        f'<svg x="0" y="{top}" width="100%" height="{part.height}" viewBox="0 0 {WIDTH:g} {part.height}" '
        f'preserveAspectRatio="none">{paths}</svg>{ticks}'
        f'<text x="0" y="{top - 6}">{part.title}</text>'
    )


def _apart(part: Part) -> Iterator[float]:
    """Yield the ticks whose labels have room."""
    last = None
    for value in part.axis.ticks():
        share = part.axis.share(value)
        if last is None or (share - last) * part.height >= _TICK_APART:
            last = share
            yield value


def _tick(part: Part, top: int, value: float) -> str:
    y = top + part.height * (1.0 - part.axis.share(value))
    below = y < top + 12  # a label above the line would leave the plot
    return (
        f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="3" y="{y + 11 if below else y - 3:.1f}">{number(value)}</text>'
    )


def _ends(start: str, end: str, height: float) -> str:
    y = height + 14
    return (
        f'<text class="tick" x="0" y="{y:g}">{start}</text>'
        f'<text class="tick" x="100%" y="{y:g}" text-anchor="end">{end}</text>'
    )

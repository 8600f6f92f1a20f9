"""The newest values of a series as a line the size of a word, over the range that was expected."""

from __future__ import annotations

from collections.abc import Sequence

from runvitals.exposition.numbers import number
from runvitals.exposition.report.axis import Axis, axis_of
from runvitals.exposition.report.downsampling import Column
from runvitals.exposition.report.drawing import WIDTH, Placed, band, envelope

HEIGHT = 26.0


def sparkline(values: Sequence[float], expected: tuple[float, float] | None, *, is_bad: bool = False) -> str:
    """Return the values, oldest first, as SVG with words for who cannot see it; nothing of fewer than two.

    The axis is logarithmic where the values are positive and span more than two decades.
    """
    if len(values) < 2:
        return ""
    axis = _axis(values, expected)
    apart = WIDTH / (len(values) - 1)
    columns = [(place * apart, Column(low=value, high=value)) for place, value in enumerate(values)]
    newest = columns[-1:]
    return (
        f'<svg class="spark{" is-bad" if is_bad else ""}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'preserveAspectRatio="none" role="img" aria-label="{_words(values, expected)}">'
        f'{_expected(expected, axis)}<path class="value" d="{envelope(columns, axis, HEIGHT)}"/>'
        f'<path class="newest" d="{envelope(newest, axis, HEIGHT)}"/></svg>'
    )


def _axis(values: Sequence[float], expected: tuple[float, float] | None) -> Axis:
    axis = axis_of(min(values), max(values))
    if axis.is_log or expected is None:
        return axis
    return axis_of(min(*values, expected[0]), max(*values, expected[1]))


def _expected(expected: tuple[float, float] | None, axis: Axis) -> str:
    if expected is None:
        return ""
    column = Column(banded=1, band_low=expected[0], band_high=expected[1])
    ends: list[Placed] = [(0.0, column), (WIDTH, column)]
    return f'<path class="band" d="{band(ends, axis, HEIGHT)}"/>'


def _words(values: Sequence[float], expected: tuple[float, float] | None) -> str:
    words = f"last {len(values)} values from {number(min(values))} to {number(max(values))}"
    return words if expected is None else f"{words}, expected {number(expected[0])} to {number(expected[1])}"

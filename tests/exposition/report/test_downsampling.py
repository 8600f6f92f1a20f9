"""A series of any length in few columns: peaks are kept, memory is bounded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvitals.exposition.report.axis import axis_of
from runvitals.exposition.report.downsampling import Columns
from runvitals.exposition.report.reading import Reading

LIMIT = 8
readings = st.lists(st.tuples(st.integers(-(2**62), 2**62), st.floats()), min_size=1, max_size=200)


def columns_of(places_and_values):
    columns = Columns(LIMIT)
    for place, value in places_and_values:
        columns.add(place, Reading(value, anomaly=abs(value) if math.isfinite(value) else None))
    return columns


@given(readings)
def test_no_peak_and_no_count_is_lost(stream):
    """Whatever comes, at whatever steps: smallest, largest, largest score and what was not finite are all there."""
    columns = [column for _, column in columns_of(stream).ordered()]
    finite = [value for _, value in stream if math.isfinite(value)]
    assert len(columns) <= LIMIT
    assert sum(column.nonfinite for column in columns) == len(stream) - len(finite)
    if finite:
        assert min(column.low for column in columns if column.low is not None) == min(finite)
        assert max(column.high for column in columns if column.high is not None) == max(finite)
        assert max(column.anomaly for column in columns if column.anomaly is not None) == max(map(abs, finite))


@given(readings)
def test_each_value_is_in_the_column_of_its_place(stream):
    """Columns stand in order, do not overlap, and each value lies within the bounds of its own."""
    columns = columns_of(stream)
    ordered = columns.ordered()
    assert [place for place, _ in ordered] == sorted({place // columns.width * columns.width for place, _ in stream})
    found = dict(ordered)
    for place, value in stream:
        column = found[place // columns.width * columns.width]
        if math.isfinite(value):
            assert column.low <= value <= column.high


def test_the_band_of_a_column_is_the_mean_of_its_bands():
    """Also where columns are merged, and however often."""
    columns = Columns(2)
    for place in range(64):
        columns.add(place, Reading(0.0, band=(float(place), place + 10.0)))
    first, last = (column for _, column in columns.ordered())
    assert (first.band_low, first.band_high) == (pytest.approx(15.5), pytest.approx(25.5))
    assert last.band_low == pytest.approx(47.5)


@pytest.mark.parametrize(
    ("low", "high", "is_log"), [(1.0, 99.0, False), (0.01, 5.0, True), (0.0, 1e9, False), (-1.0, 1e3, False)]
)
def test_positive_values_over_two_decades_are_drawn_on_logarithms(low, high, is_log):
    """The ends stand at the ends, the ticks between them are few and in order."""
    axis = axis_of(low, high)
    assert axis.is_log is is_log
    assert (axis.share(low), axis.share(high)) == (pytest.approx(0.0), pytest.approx(1.0))
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 9
    assert ticks == sorted(ticks)
    assert all(low <= tick <= high for tick in ticks)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_any_two_numbers_make_an_axis(one, other):
    """Equal, tiny, huge, infinite: every place on it is from 0 to 1, and there is an end to the ticks."""
    low, high = min(one, other), max(one, other)
    axis = axis_of(low, high)
    for value in (low, high, 0.0, 1.0, -1e308):
        assert 0.0 <= axis.share(value) <= 1.0
    assert len(axis.ticks()) <= 9

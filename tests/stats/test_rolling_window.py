"""Rolling statistics equal numpy's after every update, whatever streams through."""

import math
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.stats import order
from runvitals.stats.rolling_window import RollingWindow

finite = st.floats(allow_nan=False, allow_infinity=False)
streams = st.one_of(
    st.lists(finite, max_size=200),
    st.lists(st.floats(-1e6, 1e6), max_size=200),
    st.lists(st.sampled_from([0.0, -0.0, 0.25, 0.26, 1e300, -1e300, 1e-300, 5e-324, 1e9, 1e9 + 1e-6]), max_size=200),
    st.lists(st.integers(-3, 3).map(float), max_size=200),
)


def truth(values):
    """Mean, deviation, median and MAD in extended precision, where squares of doubles do not overflow."""
    wide = np.array(values, dtype=np.longdouble)
    median = float(np.median(wide))
    return (
        wide.mean(),
        wide.std(ddof=1) if len(values) > 1 else None,
        median,
        float(np.median(np.abs(wide - median))),
    )


def assert_equal_to_numpy(window, values):
    mean, stddev, median, deviation = truth(values)
    largest = max(abs(value) for value in values)
    assert window.mean == pytest.approx(float(mean), rel=1e-9, abs=1e-12 * largest)
    assert window.median == pytest.approx(median, rel=1e-15, abs=5e-324)
    if stddev is None:
        assert window.stddev is None
    else:
        assert window.stddev == pytest.approx(float(stddev), rel=1e-6, abs=1e-15 * largest)
    ordered = sorted(values)
    if largest < 1e300:
        found = order.median_absolute_deviation(ordered, order.median(ordered))
        assert found == pytest.approx(deviation, rel=1e-9, abs=1e-15 * largest)


@given(streams, st.integers(2, 40))
@settings(max_examples=300, deadline=None)
def test_every_statistic_equals_numpys_after_every_update(stream, size):
    """Mean, deviation, median and MAD of the window equal numpy's in extended precision after each value."""
    window, kept = RollingWindow(size), deque(maxlen=size)
    for value in stream:
        window.push(value)
        kept.append(value)
        assert_equal_to_numpy(window, list(kept))
    assert window.values() == list(kept)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.floats(0, 1))
@settings(deadline=None)
def test_quantiles_are_numpys(values, share):
    """The quantile is numpy's default, linear between neighbours."""
    window = RollingWindow(100, values)
    assert window.quantile(share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-6)


def test_a_long_stream_does_not_drift():
    """After 100,000 values around a large level the deviation still has nine digits."""
    rng = np.random.default_rng(7)
    window, stream = RollingWindow(256), 1e9 + rng.normal(size=100_000) * 1e-2
    for value in stream.tolist():
        window.push(value)
    assert window.stddev == pytest.approx(float(np.std(stream[-256:].astype(np.longdouble), ddof=1)), rel=1e-9)


def test_a_huge_value_that_leaves_takes_its_rounding_with_it():
    """Once 1e300 has left the window, the statistics are those of the ordinary values that stay."""
    window = RollingWindow(8, [1e300, *([1.0, 2.0] * 4)])
    assert window.mean == pytest.approx(1.5)
    assert window.stddev == pytest.approx(np.std([1.0, 2.0] * 4, ddof=1))


def test_a_constant_window_has_no_spread():
    """Whatever came before, a window of equal values has a deviation and a robust scale of exactly 0."""
    window = RollingWindow(16, [1e12, -3.7, 0.1, *([0.1] * 16)])
    assert (window.stddev, window.robust_scale) == (0.0, 0.0)


def test_the_robust_scale_has_a_floor_where_values_were_rounded():
    """With more than half of the values equal the MAD is 0, and half the rounding step stands in."""
    window = RollingWindow(100, [0.25] * 90 + [0.26] * 5 + [0.24] * 5)
    assert window.robust_scale == pytest.approx(0.005)


def test_the_robust_scale_of_normal_values_is_their_deviation():
    """1.4826 MAD estimates the deviation of normal values."""
    values = np.random.default_rng(1).normal(3.0, 2.0, 4000).tolist()
    assert RollingWindow(4000, values).robust_scale == pytest.approx(2.0, rel=0.1)


def test_an_empty_window_answers_nothing():
    """Nothing is known of no values."""
    window = RollingWindow(4)
    assert (window.mean, window.stddev, window.median, window.quantile(0.5), window.robust_scale) == (None,) * 5


def test_the_upper_tail_is_the_normal_one():
    """Q(0) is one half, Q(1.96) about 2.5 %, and the far tail does not vanish early."""
    from runvitals.stats.normal import upper_tail

    assert upper_tail(0.0) == 0.5
    assert upper_tail(1.959964) == pytest.approx(0.025, rel=1e-5)
    assert upper_tail(10.0) == pytest.approx(7.6198530241605e-24, rel=1e-9)
    assert upper_tail(-math.inf) == 1.0

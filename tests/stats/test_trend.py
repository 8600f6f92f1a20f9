"""The trend is that of least squares, and its error covers what it says."""

import random

import pytest

from runvitals.stats.trend import linear_trend


def test_the_change_is_that_of_a_least_squares_fit():
    """Against numpy, on a noisy ramp."""
    import numpy as np

    rng = random.Random(1)
    values = [0.3 * place + rng.gauss(0.0, 2.0) for place in range(40)]
    slope, _ = np.polyfit(range(40), values, 1)
    assert linear_trend(values).change == pytest.approx(39.0 * slope)


def test_white_noise_exceeds_two_errors_about_one_time_in_twenty():
    """And never one time in ten, on 2,000 flat series."""
    rng = random.Random(2)
    trends = [linear_trend([rng.gauss(0.0, 1.0) for _ in range(32)]) for _ in range(2000)]
    outside = sum(abs(trend.change) > 2.0 * trend.error for trend in trends)
    assert 40 < outside < 160


def test_three_values_are_no_trend():
    """A line through so few says nothing of its error."""
    with pytest.raises(ValueError, match="at least 4"):
        linear_trend([1.0, 2.0, 3.0])

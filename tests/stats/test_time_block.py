"""However many values a stretch of time has, what is kept of it is small and tells the same."""

import random

import numpy as np
import pytest

from runvitals.detectors.course import Course
from runvitals.stats.theil_sen import rises_and_falls, theil_sen
from runvitals.stats.time_block import MOST_BINS, TimeBlock


def stretches(block, points):
    return [over for time, value in points if (over := block.observe(time, value))]


def test_a_stretch_ends_when_time_and_values_suffice():
    """60 s and 30 values: at one a second after 60, at one in 10 s after 300."""
    fast = stretches(TimeBlock(60.0, 30), [(float(at), 1.0) for at in range(121)])
    assert [(one.start, one.end, one.count) for one in fast] == [(0.0, 59.0, 60), (60.0, 119.0, 60)]
    slow = stretches(TimeBlock(60.0, 30), [(at * 10.0, 1.0) for at in range(61)])
    assert [one.count for one in slow] == [30, 30]


def test_the_level_of_few_values_is_exact():
    """The mean of the middle half leaves a quarter out on either side."""
    values = [5.0, 1.0, 9.0, 3.0, 100.0, 4.0, 2.0, 7.0]
    [stretch] = stretches(TimeBlock(8.0), [(float(at), value) for at, value in enumerate([*values, 0.0])])
    assert stretch.midmean == pytest.approx(np.mean([3.0, 4.0, 5.0, 7.0]))


@pytest.mark.parametrize("period", [2, 3, 4, 8, 10, 16, 32, 64])
@pytest.mark.parametrize("rate", [0.3, 2.0, 2.13, 100.0])
def test_neither_period_nor_number_of_values_moves_the_level(period, rate):
    """Values of any period, few or many a second, give the level that all of them together have."""
    values = [1.0 + 4.0 * (at % period == 0) for at in range(20_000)]
    points = [(at / rate, value) for at, value in enumerate(values)]
    ordered = np.sort(values)
    expected = ordered[len(values) // 4 : -len(values) // 4].mean()
    for stretch in stretches(TimeBlock(60.0, 30), points):
        assert stretch.midmean == pytest.approx(expected, rel=0.15 if stretch.count < 300 else 0.01)


def test_however_spread_the_values_are_they_are_kept_in_few_bins():
    """From the smallest number to the largest, and 0: bounded, and the level is right to a bin's width."""
    rng = random.Random(1)
    block = TimeBlock(1e9)
    values = [0.0, 5e-324, 1e308] + [rng.lognormvariate(0.0, 3.0) for _ in range(20_000)]
    for at, value in enumerate(values):
        block.observe(float(at), value)
    assert len(block.bins) <= MOST_BINS
    ordered = np.sort(values)
    level = block.observe(2e9, 1.0).midmean
    assert level == pytest.approx(ordered[len(values) // 4 : -len(values) // 4].mean(), rel=0.05)


def test_a_clock_that_goes_back_drops_the_open_stretch():
    """What follows is a stretch of its own."""
    block = TimeBlock(10.0)
    assert not stretches(block, [(100.0, 1.0), (105.0, 1.0), (50.0, 2.0), (55.0, 2.0)])
    stretch = block.observe(61.0, 3.0)
    assert (stretch.count, stretch.midmean) == (2, 2.0)


def course_of(points):
    course = Course.of(seconds=10.0, keep=3, size=4)
    for time, value in points:
        course.observe(time, value)
    return course


def test_the_newest_stretches_are_not_in_the_past():
    """Three are kept apart, and the past holds the four before them."""
    course = course_of((at, at // 10.0) for at in np.arange(0.0, 91.0, 1.0))
    assert course.recent == [6.0, 7.0, 8.0]
    assert course.past.values() == [2.0, 3.0, 4.0, 5.0]


def test_an_excursion_stays_out_of_the_past_until_it_is_usual():
    """What is settled as one never enters; after as many as the past holds everything begins anew."""
    course, accepted = Course.of(seconds=1.0, keep=2, size=3), []
    for at in range(12):
        course.observe(float(at), 1.0 if at < 6 else 9.0)
        accepted.append(course.settle(fired=at > 7) if at > 7 else None)
    assert True in accepted
    assert course.past.values() == []


def test_a_gap_parts_the_newest_stretches_and_keeps_the_past():
    """Half an hour without a value; a few milliseconds back are none."""
    points = [(float(at), 1.0) for at in range(100)]
    assert not course_of([*points, (1900.0, 5.0), (1911.0, 5.0)]).is_full
    assert course_of([*points, (1900.0, 5.0), (1911.0, 5.0)]).past.values() == [1.0] * 4
    jittered = [(at + (0.01 if at % 2 else -0.01), value) for at, value in points]
    assert course_of(jittered).is_full


def test_theil_sen_is_the_median_of_all_slopes():
    """As numpy computes it; an outlier does not move it, and equal times give nothing."""
    rng = random.Random(1)
    times = [float(at) for at in range(20)]
    values = [0.5 * at + rng.gauss(0.0, 0.1) for at in times]
    values[7] = 1e6
    slopes = [(values[j] - values[i]) / (times[j] - times[i]) for i in range(20) for j in range(i + 1, 20)]
    assert theil_sen(times, values) == pytest.approx(np.median(slopes))
    assert theil_sen([1.0, 1.0], [1.0, 2.0]) is None


def test_rises_and_falls_are_shares_of_all_pairs():
    """Of 1, 2, 2, 0 two pairs rise and three fall."""
    assert rises_and_falls([1.0, 2.0, 2.0, 0.0]) == pytest.approx((2 / 6, 3 / 6))
    assert rises_and_falls([1.0]) == (0.0, 0.0)

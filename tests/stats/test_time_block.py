"""However many values a stretch of time has, what is kept of it is small and tells the same."""

import random

import numpy as np
import pytest

from runvitals.detectors.course import Course
from runvitals.stats.theil_sen import rises_and_falls, theil_sen
from runvitals.stats.time_block import LARGEST, TimeBlock


def stretches(block, points):
    return [over for time, value in points if (over := block.observe(time, value))]


def test_a_stretch_ends_when_time_and_values_suffice():
    """60 s and 30 values: at one a second after 60, at one in 10 s after 300."""
    fast = stretches(TimeBlock(60.0, 30), [(float(at), 1.0) for at in range(121)])
    assert [(one.start, one.end, one.count) for one in fast] == [(0.0, 59.0, 60), (60.0, 119.0, 60)]
    slow = stretches(TimeBlock(60.0, 30), [(at * 10.0, 1.0) for at in range(61)])
    assert [one.count for one in slow] == [30, 30]


def test_the_level_of_few_values_is_exact():
    """Median as numpy has it; the mean of the middle half leaves a quarter out on either side."""
    values = [5.0, 1.0, 9.0, 3.0, 100.0, 4.0, 2.0, 7.0]
    [stretch] = stretches(TimeBlock(8.0), [(float(at), value) for at, value in enumerate([*values, 0.0])])
    assert stretch.median == np.median(values)
    assert stretch.midmean == pytest.approx(np.mean([3.0, 4.0, 5.0, 7.0]))


@pytest.mark.parametrize("period", [2, 3, 4, 8, 10, 16, 32, 64])
def test_no_period_hides_among_many_values(period):
    """A hundred thousand values of any period give the same level, stretch by stretch, from at most 64 numbers."""
    points = [(at * 0.01, 1.0 + (at % period == 0)) for at in range(100_000)]
    block = TimeBlock(60.0, 30)
    levels = [stretch.midmean for stretch in stretches(block, points)]
    assert len(block.kept) <= LARGEST
    assert max(levels) - min(levels) < 0.02


def test_a_clock_that_goes_back_drops_the_open_stretch():
    """What follows is a stretch of its own."""
    block = TimeBlock(10.0)
    assert not stretches(block, [(100.0, 1.0), (105.0, 1.0), (50.0, 2.0), (55.0, 2.0)])
    assert block.observe(61.0, 3.0).ordered == (2.0, 2.0)


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

"""A seasonal profile says what is usual at this hour, of earlier periods alone, and only where that helps."""

import math
import random

import pytest

from runvitals.stats.seasonal_profile import SeasonalProfile

DAY, BINS, STEP = 86_400.0, 48, 300.0
TIMES = [STEP * index for index in range(int(8 * DAY / STEP))]


def sine(time):
    return math.sin(2.0 * math.pi * time / DAY)


def expected(values, times=TIMES):
    profile = SeasonalProfile.of(DAY, BINS)
    return [profile.observe(value, time) for value, time in zip(values, times, strict=True)], profile


def test_after_three_periods_it_knows_the_season():
    """Nothing before the third day is over; then a sine with noise is known to within half its noise."""
    rng = random.Random(1)
    said, _ = expected([sine(time) + rng.gauss(0.0, 0.2) for time in TIMES])
    assert {value for value, time in zip(said, TIMES, strict=True) if time < 3 * DAY} == {None}
    errors = [abs(value - sine(time)) for value, time in zip(said, TIMES, strict=True) if time > 4 * DAY]
    assert max(errors) < 0.2
    assert sum(errors) / len(errors) < 0.05


def walk(rng, count):
    total = 0.0
    return [total := total + rng.gauss(0.0, 1.0) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "stream",
    [
        lambda rng, n: [rng.gauss(0.0, 1.0) for _ in range(n)],
        walk,
        lambda rng, n: [0.01 * index + rng.gauss(0.0, 1.0) for index in range(n)],
        lambda _, n: [3.0] * n,
        lambda _, n: [math.sin(2.0 * math.pi * index / 100.0) for index in range(n)],
    ],
    ids=["noise", "walk", "trend", "constant", "another period"],
)
def test_where_there_is_no_season_nothing_is_expected(stream, seed):
    """Its errors are no smaller than without it, so it keeps silent."""
    said, _ = expected(stream(random.Random(seed), len(TIMES)))
    assert set(said) == {None}


def test_a_season_that_ends_is_no_longer_expected():
    """After two days of the night's level all day, it says nothing any more."""
    said, _ = expected([sine(time) if time < 5 * DAY else -1.0 for time in TIMES])
    assert said[int(5 * DAY / STEP) - 1] is not None
    assert said[int(7 * DAY / STEP)] is None


def test_nothing_of_the_same_hour_is_in_what_it_expects():
    """Whatever comes in the last half hour, what is said of it is the same."""
    last = int(6.5 * DAY / STEP)
    usual = [sine(time) for time in TIMES[: last + 6]]
    odd = [*usual[:last], *[50.0] * 6]
    assert expected(usual, TIMES[: last + 6])[0] == expected(odd, TIMES[: last + 6])[0]


def test_one_odd_day_does_not_teach_it_much():
    """An outage fifteen times as deep moves what is expected of the next by at most a sixth of its height."""
    said, _ = expected([-30.0 if 5 * DAY <= time < 5.25 * DAY else sine(time) for time in TIMES])
    after = [pair for pair in zip(said, TIMES, strict=True) if pair[1] >= 6 * DAY]
    assert max(abs(value - sine(time)) for value, time in after) < 2.0 / 6.0


def test_hostile_values_and_times_leave_it_finite_and_small():
    """Huge values, times that jump and go back: all numbers stay finite, and nothing grows."""
    rng = random.Random(3)
    values = [rng.choice([1e308, -1e308, 5e-324, 1.0]) for _ in range(5000)]
    times = [rng.choice([0.0, 1e9, -1e9, 1e15, rng.uniform(0.0, 10 * DAY)]) for _ in values]
    said, profile = expected(values, times)
    assert all(value is None or math.isfinite(value) for value in said)
    assert math.isfinite(profile.error)
    assert len(profile.means) == 8 * BINS
    assert len(profile.visits) == BINS

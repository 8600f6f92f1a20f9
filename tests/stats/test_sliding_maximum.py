"""The peak of the last minute misses nothing and forgets in time."""

from hypothesis import given
from hypothesis import strategies as st

from runvitals.stats.sliding_maximum import GRAIN, SlidingMaximum


@given(st.lists(st.tuples(st.floats(0, 12), st.floats(0, 100)), max_size=100))
def test_it_is_the_largest_of_the_last_sixty_seconds(steps):
    """After every value it is the maximum over the last 60 seconds, or over at most ten more, and stays small."""
    maximum, seen, now = SlidingMaximum(), [], 1e9
    for wait, value in steps:
        now += wait
        seen.append((now, value))
        maximum.push(now, value)
        last, a_little_more = (max(value for time, value in seen if time > now - s) for s in (60.0, 60.0 + GRAIN))
        assert last <= maximum.get(now) <= a_little_more
        assert len(maximum.older) <= 7


def test_an_old_peak_is_gone():
    """A minute later there is no peak, which is not a peak of 0."""
    maximum = SlidingMaximum()
    maximum.push(100.0, 7.0)
    assert maximum.get(160.0) == 7.0
    assert maximum.get(170.0) is None


def test_an_old_peak_gives_way_to_newer_values():
    """A large value, then small ones: a minute and ten seconds later at most it is the small ones that count."""
    maximum = SlidingMaximum()
    for second in range(100, 171):
        maximum.push(float(second), 7.0 if second == 100 else 1.0)
    assert maximum.get(170.0) == 1.0


def test_a_clock_that_goes_back_keeps_the_peak():
    """A time before the last one counts as the last one."""
    maximum = SlidingMaximum()
    maximum.push(100.0, 7.0)
    maximum.push(50.0, 9.0)
    assert maximum.get(100.0) == 9.0


def test_a_clock_that_goes_back_by_a_day_forgets_the_peak():
    """A peak that lies in the future would else stay until the clock is there again."""
    maximum = SlidingMaximum()
    maximum.push(100_000.0, 7.0)
    maximum.push(13_600.0, 2.0)
    assert maximum.get(13_601.0) == 2.0

"""The peak of the last minute misses nothing and forgets in time."""

from hypothesis import given
from hypothesis import strategies as st

from runvitals.stats.sliding_maximum import SlidingMaximum


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 100)), max_size=100))
def test_it_is_the_largest_of_the_last_sixty_seconds(steps):
    """After every value it equals the maximum over the last 60 seconds, to the second, and stays small."""
    maximum, seen, now = SlidingMaximum(), [], 1e9
    for wait, value in steps:
        now += wait
        seen.append((int(now), value))
        maximum.push(now, value)
        assert maximum.get(now) == max(value for second, value in seen if second >= int(now) - 60)
        assert len(maximum.peaks) <= 61


def test_an_old_peak_is_gone():
    """A minute later there is no peak, which is not a peak of 0."""
    maximum = SlidingMaximum()
    maximum.push(100.0, 7.0)
    assert maximum.get(160.0) == 7.0
    assert maximum.get(161.5) is None


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

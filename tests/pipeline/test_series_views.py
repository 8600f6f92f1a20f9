"""The series are viewed anew as often as that costs little, and are never old."""

import time

from runvitals.pipeline.series_views import MAX_AGE_SECONDS, SHARE, SeriesViews


def spend(seconds):
    """Work for so many seconds of CPU time, and return views that can be told apart."""

    def take():
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        return (object(),)

    return take


def test_cheap_views_are_taken_every_time():
    """What takes no time is due again at once."""
    views = SeriesViews()
    assert views.get(lambda: (1,), 0.0) == (1,)
    assert views.get(lambda: (2,), 1.0) == (2,)


def test_views_that_cost_are_kept_until_they_cost_no_more_than_their_share():
    """After 40 ms of CPU time the next are due after 8 s, or at once when the end has come."""
    views = SeriesViews()
    first = views.get(spend(0.04), 0.0)
    assert views.get(spend(0.0), 0.99 * 0.04 / SHARE) is first
    views.expire()
    assert views.get(spend(0.0), 1.0) is not first


def test_no_view_gets_older_than_the_limit():
    """Whatever they cost."""
    views = SeriesViews()
    first = views.get(spend(SHARE * MAX_AGE_SECONDS * 1.5), 0.0)
    assert views.get(spend(0.0), MAX_AGE_SECONDS) is not first

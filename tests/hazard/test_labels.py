"""What counts as an explosion, and what does not."""

import math

import numpy as np

from hazard.labels import FOLLOWED, label
from tests.streams import healthy


def log_of(norms):
    """A log whose loss is always finite."""
    return np.array([(1.0, norm, 0.1, math.nan) for norm in norms])


def test_a_healthy_run_has_no_explosion_and_no_known_end():
    """The last 50 steps are left out: what follows them is not known."""
    found = label(log_of(healthy(300)))
    assert (found.begins, found.breaks, found.end) == (None, None, 250)
    assert not found.followed().any()
    assert found.healthy().all()


def test_growth_that_stays_begins_where_it_crosses():
    """The 50 steps before the crossing, and all after it, are followed by an explosion."""
    found = label(log_of([1.0] * 200 + [1.5**step for step in range(1, 40)] + [math.inf] * 12))
    assert found.begins == 200 + 5  # 1.5^6 is above 10
    assert found.breaks == 239
    assert found.end == 239
    assert found.followed().sum() == 239 - (205 - 50)


def test_a_spike_that_heals_is_a_near_miss():
    """Three steps at 50 times the median are no explosion, but the steps around them are not healthy either."""
    found = label(log_of([1.0] * 200 + [50.0] * 3 + [1.0] * 200))
    assert found.begins is None
    assert found.crossings.tolist() == [200, 201, 202]
    assert not found.healthy()[160]
    assert found.healthy()[100]


def test_an_overflow_of_the_loss_scaler_is_none():
    """A step without a finite norm that is followed by finite ones is healthy."""
    found = label(log_of([1.0] * 200 + [math.inf] + [1.0] * 200))
    assert found.begins is None
    assert found.healthy().all()


def test_an_explosion_that_stays_finite_is_followed_for_a_while():
    """At a new level for ever: 200 steps of it count."""
    found = label(log_of([1.0] * 200 + [100.0] * 1000))
    assert (found.begins, found.breaks, found.end) == (200, None, 200 + FOLLOWED)


def test_a_loss_that_breaks_is_one_whatever_the_norm():
    """The norm may be finite, or filtered."""
    log = log_of([1.0] * 250)
    log[200:, 0] = math.nan
    assert label(log).begins == 200

"""The learned tail claims what the distribution says, and a few outliers do not bend it."""

import math
import random

import pytest

from runvitals.stats.rare_event import RareEvent
from runvitals.stats.tail import Tail


def learned(draw, count=40_000, seed=1):
    rng, tail = random.Random(seed), Tail()
    for _ in range(count):
        value = draw(rng)
        if value > 0.0:
            tail.observe(value)
    return tail


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng: rng.gauss(0.0, 1.0), 3.0902),
        (lambda rng: rng.gauss(0.0, 50.0), 154.5),
        (lambda rng: rng.expovariate(1.0) - math.log(2.0), math.log(1000.0) - math.log(2.0)),
    ],
    ids=["normal", "wide normal", "exponential"],
)
def test_the_value_that_one_in_a_thousand_exceeds_scores_three(draw, truth):
    """Within 0.8 decades; the calibration of the score corrects the rest."""
    assert learned(draw).observe(truth) == pytest.approx(3.0, abs=0.8)


def test_a_very_heavy_tail_is_told_from_a_light_one():
    """What one Cauchy value in a thousand exceeds scores 3 to 4.5; on a normal tail it would be over 100."""
    score = learned(lambda rng: math.tan(math.pi * (rng.random() - 0.5))).observe(318.3)
    assert 3.0 <= score < 4.5


def test_a_few_outliers_do_not_teach_that_outliers_are_ordinary():
    """With one value in 400 at ten deviations, such a value still scores above three."""
    tail = learned(lambda rng: 10.0 if rng.random() < 1 / 400 else rng.gauss(0.0, 1.0))
    assert tail.observe(10.0) > 3.0


def test_the_tail_grows_with_the_value():
    """A larger value is never less unusual."""
    tail = learned(lambda rng: rng.gauss(0.0, 1.0))
    state = [tail.first, tail.second, tail.third, tail.shape, tail.seen]
    scores = [Tail(*state).observe(value / 10.0) for value in range(1, 200)]
    assert scores == sorted(scores)


def test_an_event_is_as_rare_as_it_was():
    """The first event in a thousand values is about one in a thousand; the hundredth no longer."""
    event = RareEvent()
    assert event.observe(1.0, 1000) == pytest.approx(3.0, abs=0.1)
    for seen in range(1001, 1100):
        event.observe(1.0, seen)
    assert event.observe(1.0, 1100) < 1.5

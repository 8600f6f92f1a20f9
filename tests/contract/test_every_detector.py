"""The contract of every detector by name: hostile streams neither upset it nor blind it to what comes after them."""

import math

import pytest

from runvitals.pipeline.rank import make_hang
from runvitals.values import State
from tests.contract.anomalies import STORIES
from tests.contract.hostile_streams import VALUES, Log
from tests.contract.observed import NAMES, TABLE, Observed


def delay(name, kind):
    """Rows from the beginning of the anomaly until the detector fires, after a hostile stretch and a healthy one."""
    story = STORIES[name]
    log, observed = Log(story), Observed(name)
    observed.show(log.healthy(story.healthy))
    observed.show(log.hostile(kind))
    observed.show(log.healthy(story.healthy))
    for row, items in enumerate(log.anomaly()):
        if observed.show(items):
            return row
    return math.inf


def test_every_detector_has_a_story():
    """What the suite runs over is what the catalogue lists, no more and no less."""
    assert sorted(STORIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_stream_is_silent_and_its_anomaly_is_seen(name):
    """Each story is healthy until its anomaly, and the detector sees that."""
    story = STORIES[name]
    log, observed = Log(story), Observed(name)
    assert not observed.show(log.healthy(2 * story.healthy))
    assert any(observed.show(items) for items in log.anomaly())


@pytest.fixture(scope="module")
def clean():
    """By detector, the delay without a hostile stretch."""
    return {name: delay(name, "") for name in NAMES}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_after_a_hostile_stream_an_anomaly_is_seen_as_soon_as_without_it(name, kind, clean):
    """Every verdict on the way is sound, and the detector is late by no more than where its blocks begin."""
    assert delay(name, kind) < clean[name] + STORIES[name].block


@pytest.mark.parametrize("kind", ["steps that go back", "times that go back", "gaps of days"])
def test_after_hostile_steps_a_hang_is_told_as_soon_as_without_them(kind):
    """The watch over the clock is no reader of signals; its steps and times are all that can be hostile to it."""
    assert seconds_until_told(kind) == pytest.approx(seconds_until_told(""), abs=1.0)


def seconds_until_told(kind):
    """Seconds from the last of a thousand steps, some of which were hostile, until the stall is told."""
    hang = make_hang(TABLE)
    time = 0.0
    hang.start(time)
    for step in range(1000):
        hostile = kind if 300 <= step < 340 else ""
        time += 3.0 * 86_400.0 if hostile == "gaps of days" else 1.0
        hang.advance_step(
            step - 7 if hostile == "steps that go back" else step,
            time - 30.0 if hostile == "times that go back" else time,
        )
    return next(wait for wait in range(1, 7200) if hang.verdict(time + wait).state is State.FIRING)

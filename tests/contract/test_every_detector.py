"""The contract of every detector by name: hostile streams neither upset it nor blind it to what comes after them."""

import math

import pytest

from tests.contract.anomalies import STORIES
from tests.contract.hostile_streams import VALUES, Log
from tests.contract.observed import NAMES, Observed


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


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_after_a_hostile_stream_an_anomaly_is_seen_as_soon_as_without_it(name, kind):
    """Every verdict on the way is sound, and the detector is late by no row."""
    assert delay(name, kind) <= delay(name, "")

"""The soak's verdict finds what is wrong, and is not misled by noise."""

import random
from collections import Counter

import pytest

from tests.soak.judging import incident_checks, memory_check

MEGABYTE = 1e6


def readings(grown, seconds=600):
    """Memory of 80 MB that grows evenly by a share, with a warm-up, noise, and batches that come and go."""
    rng = random.Random(3)
    for second in range(seconds):
        warm_up = -30.0 if second < 60 else 0.0
        batch = 25.0 if rng.random() < 0.1 else 0.0
        size = 80.0 * (1.0 + grown * second / seconds) + warm_up + batch + rng.gauss(0.0, 0.3)
        yield float(second), size * MEGABYTE


@pytest.mark.parametrize(("grown", "is_flat"), [(0.0, True), (0.05, False), (-0.05, True)])
def test_memory_is_judged_by_its_slope(grown, is_flat):
    """A leak of a twentieth is seen; warm-up, noise and what comes and goes is none."""
    assert memory_check(list(readings(grown))).passed is is_flat


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        ({("a", "hang"): 2}, True),
        ({("a", "hang"): 1}, False),
        ({("a", "hang"): 2, ("b", "hang"): 1}, False),
        ({}, False),
    ],
)
def test_each_planted_incident_is_counted_once(found, passed):
    """One that is missing fails, and so does one that is too many, on another run as well."""
    [check] = incident_checks(Counter({("a", "hang"): 2}), Counter(found))
    assert check.passed is passed


def test_incidents_of_other_faults_are_not_judged():
    """A busy machine may really be slow."""
    [check] = incident_checks(Counter({("a", "hang"): 1}), Counter({("a", "hang"): 1, ("a", "fail_slow"): 3}))
    assert check.passed

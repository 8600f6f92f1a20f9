"""Whatever streams through, the corrected score is in the long run as rare as it says."""

import random

import pytest

from runvitals.stats.self_calibration import SelfCalibration


@pytest.mark.parametrize(
    "raw",
    [
        lambda rng, _: rng.expovariate(1.0),
        lambda rng, _: rng.gauss(5.0, 0.1),
        lambda rng, at: (at // 1000 % 2) * 3.0 + rng.random(),
        lambda rng, _: 9.0 if rng.random() < 0.02 else 0.0,
    ],
    ids=["steep", "shifted", "blocks", "ties"],
)
def test_a_score_above_s_is_rare(raw):
    """Above 1 in about a tenth, above 2 in about a hundredth (or as few as there are values above 0)."""
    rng, calibration = random.Random(3), SelfCalibration()
    scores = [calibration.observe(raw(rng, at)) for at in range(200_000)]
    assert sum(score > 1.0 for score in scores) / 2e5 < 0.11
    assert 0.003 < sum(score > 2.0 for score in scores) / 2e5 < 0.015


def test_nothing_unusual_stays_nothing():
    """A raw score of 0 is corrected to 0, however many there were."""
    calibration = SelfCalibration()
    assert {calibration.observe(0.0) for _ in range(5000)} == {0.0}


def test_the_marks_stay_below_what_a_raw_score_can_be():
    """A raw score counts as at most 12: marks beyond it could pass each other, or divide by their distance of 0."""
    calibration = SelfCalibration()
    scores = [calibration.observe(1e5) for _ in range(20_000)]
    assert calibration.mark1 < 12.1
    assert min(scores) >= 0.0
    calibration.mark1 = calibration.mark2 = 13.0
    assert calibration.observe(1e5) <= 1.0

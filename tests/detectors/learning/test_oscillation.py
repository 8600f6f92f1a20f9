"""`oscillation` tells the two-step cycle of a learning rate that is too high, not noise."""

import random

import pytest

from tests.detectors.learning.watched import findings, items, learning, noisy, trained


def oscillation(losses):
    return findings(items(losses)).get("oscillation")


def test_a_cycle_that_sets_in_is_told_within_300_steps():
    """Up and down by a quarter from step 500 on, while nothing is learnt."""
    cycle = [1.25 if step % 2 else 0.8 for step in range(300)]
    finding = oscillation(noisy([*learning(500), *cycle]))
    assert 500 < finding.opened_step <= 800
    assert "jumps up and down" in finding.evidence[0].sentence


def test_a_real_training_whose_learning_rate_is_raised_beyond_the_edge_is_told():
    """Gradient clipping keeps a network at fifty times its rate from diverging: it cycles."""
    losses, _, _ = trained(
        "perceptron", 1, steps=600, rate=lambda step: 0.03 if step <= 200 else 1.5, batch=256, clip=1.0
    )
    assert oscillation(losses).opened_step > 200


def alternating_data(count):
    """Batches of two sources in turn, one harder than the other."""
    return [level * (1.3 if step % 2 else 0.7) for step, level in enumerate(learning(count))]


@pytest.mark.parametrize(
    "losses",
    [
        noisy([1.0] * 8000, spread=0.3),
        noisy(alternating_data(2000)),
        [level * random.Random(step).choice([0.5, 2.0]) for step, level in enumerate([1.0] * 5000)],
        [1.0 if step % 10 else 3.0 for step in range(2000)],
        noisy([0.9 * (1.03 if step % 2 else 0.97) for step in range(1000)], spread=0.001),
    ],
    ids=["noise", "data in turns", "two levels at random", "every tenth", "small"],
)
def test_noise_and_periodic_data_are_none(losses):
    """White noise opposes neighbouring changes too, by a half; data that take turns always did."""
    assert oscillation(losses) is None


def test_a_loss_that_swings_and_falls_is_learning():
    """At the edge of stability a loss alternates and still goes down."""
    swinging = [level * (1.2 if step % 2 else 0.83) for step, level in enumerate(learning(1200, scale=400.0))]
    assert oscillation(noisy([2.3] * 128 + swinging)) is None

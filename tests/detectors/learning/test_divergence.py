"""`divergence` tells a loss that climbs and stays, and nothing else."""

import math

import pytest

from runvitals.values import EventKind
from tests.detectors.learning.watched import event, findings, items, learning, noisy, trained


def opened(losses):
    finding = findings(items(losses)).get("divergence")
    return finding and finding.opened_step


@pytest.mark.parametrize("level", [1e-4, 0.5, 3.0, 1e5])
def test_a_slow_climb_is_told_before_the_loss_is_three_times_its_best(level):
    """A per cent a step, which no single step shows, is told within 110 steps at any level."""
    climb = [level * 1.01**step for step in range(110)]
    assert 400 < opened(noisy([level] * 400 + climb)) <= 510


def test_a_loss_that_climbs_from_the_first_step_is_told_within_30_steps():
    """A learning rate far too high: the loss grows by a quarter each step."""
    assert opened(noisy([2.3 * 1.25**step for step in range(60)])) <= 30


def test_a_real_training_with_a_learning_rate_far_too_high_is_told_within_30_steps():
    """A recurrent network at forty times a usual rate, before it overflows."""
    losses, _, _ = trained("recurrent", 1, steps=31, rate=0.8, optimizer="momentum", batch=64)
    assert opened([loss for loss in losses if math.isfinite(loss)]) <= 30


def test_a_loss_that_stays_at_one_and_a_half_times_its_best_is_told():
    """A lasting rise by half is told within one and a half windows, and the finding says how far."""
    losses = noisy([*learning(600), *[1.5] * 400])
    finding = findings(items(losses))["divergence"]
    assert 600 < finding.opened_step < 984
    assert "times its best level" in finding.evidence[0].sentence


def test_it_closes_when_the_loss_is_back():
    """A climb that ends is over."""
    losses = noisy([*[1.0] * 300, *[6.0] * 60, *[1.0] * 200])
    assert findings(items(losses))["divergence"].closed_step < 460


@pytest.mark.parametrize(
    "losses",
    [
        noisy([*[3.0] * 300, *[40.0] * 5, *[3.0] * 300]),
        noisy([*[3.0] * 300, *[3.0 + 9.0 * math.exp(-step / 15) for step in range(300)]]),
        noisy([*learning(500, start=7.0, end=0.007), *[0.02] * 400], spread=0.3),
        noisy([1.0] * 3000, spread=1.5),
        [round(loss, 2) for loss in noisy([0.02] * 1000, spread=0.3)],
        noisy([1.0 + 0.15 * math.sin(step / 40) for step in range(1500)]),
    ],
    ids=["spike", "spike that heals", "near 0 after learning", "batch of 1", "two decimals", "slow waves"],
)
def test_what_comes_back_or_is_small_or_noise_is_none(losses):
    """Spikes, noise, and ratios of almost nothing."""
    assert opened(losses) is None


def test_a_declared_phase_is_another_run():
    """A new objective at four times the loss is none where it is declared."""
    first, second = noisy([1.0] * 300), noisy([4.0] * 300, seed=1)
    log = [*items(first), event(EventKind.PHASE, 301), *items(second, first_step=301)]
    assert not findings(log)
    assert "divergence" in findings([*items(first), *items(second, first_step=301)])


def test_a_negative_loss_has_no_ratio():
    """Where the loss can be negative nothing is claimed."""
    assert opened([*noisy([1.0] * 100), -1.0, *noisy([1.0] * 100), *noisy([50.0] * 200)]) is None

"""`not_learning` tells a loss that stays where it began, and nothing that learns or began well."""

import pytest

from tests.detectors.learning.watched import findings, items, learning, noisy, trained


def opened(losses, **more):
    finding = findings(items(losses, **more)).get("not_learning")
    return finding and finding.opened_step


def test_a_loss_that_stays_at_its_first_level_is_told_after_512_steps():
    """An untrained network's loss, the same for every batch but for 2 %."""
    assert 512 <= opened(noisy([4.17] * 700, spread=0.02)) <= 600


def test_a_real_network_that_cannot_learn_its_labels_is_told_to_guess():
    """Labels drawn at random: the loss goes to ln 2 and stays; the sentence names the two classes."""
    import numpy as np

    rng, weights, losses = np.random.default_rng(3), np.zeros(8), []
    for _ in range(1400):
        inputs, labels = rng.normal(size=(32, 8)), rng.integers(0, 2, 32)
        margin = np.where(labels == 1, 1, -1) * (inputs @ weights)
        losses.append(float(np.log1p(np.exp(-margin)).mean()))
        slope = -np.where(labels == 1, 1, -1) / (1 + np.exp(margin))
        weights -= 0.02 * (inputs * slope[:, None]).mean(axis=0)
    [finding] = findings(items(losses)).values()
    assert finding.fault == "not_learning"
    assert "guessing among 2 classes" in finding.evidence[0].sentence


@pytest.mark.parametrize(
    ("losses", "more"),
    [
        (noisy([4.17 - 0.0002 * step for step in range(1500)], spread=0.02), {}),
        (noisy(learning(1500), spread=0.02), {}),
        (noisy([1.83] * 3000, spread=0.08), {}),
        (noisy([1.83] * 1500, spread=0.02), {"first_step": 40_000}),
        (noisy([4.17] * 1500, spread=0.02), {"rate": 0.0}),
        (noisy([4.17] * 1500, spread=0.02), {"rate": lambda step: 1e-7 * step}),
    ],
    ids=["slow", "learns", "fine-tuning", "seen from the middle", "no learning rate", "warm-up"],
)
def test_what_learns_or_may_have_begun_well_is_none(losses, more):
    """A fall by 7 % in 1500 steps is learning; a noisy loss may be a good start; other faults own a rate of 0."""
    assert opened(losses, **more) is None


def test_a_real_fine_tuning_from_a_good_start_is_healthy():
    """A trained network goes on at a hundredth of its rate on the same task: none of the faults of this family."""
    _, _, weights = trained("perceptron", 4, steps=800, rate=0.05)
    losses, evaluations, _ = trained("perceptron", 4, steps=1300, rate=0.0005, weights=weights, evaluate=50)
    assert not findings(items(losses, rate=0.0005, evaluations=evaluations))


def test_a_real_training_at_a_very_low_rate_is_learning():
    """The loss falls by a few per cent in 900 steps."""
    losses, _, _ = trained("perceptron", 4, steps=900, rate=0.001)
    assert opened(losses) is None

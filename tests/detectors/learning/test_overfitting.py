"""`overfitting` tells an evaluation loss that rises while training goes on gaining."""

import json
import random

import pytest

from runvitals.values import State
from tests.detectors.learning.watched import findings, items, learning, noisy, sample, verdicts
from tests.test_replay import real


def overfitting(log):
    return findings(log).get("overfitting")


def every(steps, values):
    return {steps * (place + 1): value for place, value in enumerate(values)}


TRAIN = noisy(learning(2000, start=2.3, end=0.1, scale=500.0))
RISING = [1.9, 1.5, 1.2, 1.05, 1.0, 1.02, 1.08, 1.16, 1.25, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9]


def test_a_rise_is_told_within_six_evaluations_of_the_best():
    """Best at step 500, half as much again at 1100: told by then, with both levels in the sentence."""
    finding = overfitting(items(TRAIN, evaluations=every(100, RISING)))
    assert 700 <= finding.opened_step <= 1100
    assert "while the training loss fell" in finding.evidence[0].sentence


def test_a_small_real_network_on_forty_examples_overfits():
    """A linear classifier with more inputs than examples memorises them."""
    import numpy as np

    rng = np.random.default_rng(1)
    truth, weights = rng.normal(size=60), np.zeros(60)
    inputs, more = rng.normal(size=(40, 60)), rng.normal(size=(400, 60))
    labels, held_back = (np.sign(one @ truth + 6.0 * rng.normal(size=len(one))) for one in (inputs, more))
    log = []
    for step in range(1, 601):
        margin = labels * (inputs @ weights)
        log.append(sample("loss", step, float(np.log1p(np.exp(-margin)).mean())))
        weights += 0.1 * (inputs * (labels / (1 + np.exp(margin)))[:, None]).mean(axis=0)
        if step % 30 == 0:
            log.append(sample("eval_loss", step, float(np.log1p(np.exp(-held_back * (more @ weights))).mean())))
    assert overfitting(log) is not None


def test_a_recorded_run_that_overfits_is_told_at_its_fifth_evaluation():
    """A language model fine-tuned for 30 epochs: the best evaluation is the first, the fifth tells."""
    history = json.loads(real("hf_trainer_state_overfit.json").read_text())["log_history"]
    names = {"loss": "loss", "eval_g0_loss": "eval_loss"}
    log = [sample(names[key], row["step"], row[key]) for row in history for key in names if key in row]
    assert overfitting(log).opened_step == 2005


@pytest.mark.parametrize(
    ("train", "evaluations"),
    [
        (TRAIN, every(100, [1.9, 1.5, 1.2, 1.05, 1.0, 1.3, 1.0, 0.98, 1.25, 0.97, 0.96, 0.95, 0.97, 0.96, 0.95])),
        (TRAIN, every(10, noisy(learning(200, start=2.2, end=1.0, scale=40.0), spread=0.1, seed=4))),
        (noisy([0.5] * 2000), every(100, RISING)),
        (TRAIN, every(100, [1.0 + 0.005 * place for place in range(18)])),
        (noisy(learning(2000, start=9.0, end=3.0)), every(100, RISING)),
    ],
    ids=["single bad evaluations", "noisy evaluations", "training stands still", "within a tenth", "no gap"],
)
def test_noise_small_rises_and_runs_that_gain_nothing_are_none(train, evaluations):
    """One view alone is not overfitting."""
    assert overfitting(items(train, evaluations=evaluations)) is None


def test_without_a_training_loss_it_is_unknown():
    """A rise alone may be another thing, such as a new evaluation set."""
    log = [sample("eval_loss", step, value) for step, value in every(100, RISING).items()]
    assert {verdict.state for verdict in verdicts("overfitting", log)} == {State.UNKNOWN}


def test_noise_of_evaluations_hardly_ever_fires():
    """Two hundred runs of 100 evaluations that scatter by 5 %, while training goes on: at most one fires."""
    fired = 0
    for seed in range(200):
        rng = random.Random(seed)
        log = []
        for step in range(1, 101):
            log.append(sample("loss", step, 2.0 * 0.98**step))
            log.append(sample("eval_loss", step, 2.0 * rng.lognormvariate(0.0, 0.05)))
        fired += any(verdict.state is State.FIRING for verdict in verdicts("overfitting", log))
    assert fired <= 1

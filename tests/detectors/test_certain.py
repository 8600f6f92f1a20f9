"""What is certain from the first step on is told soon, however rarely it is logged; what only looks like it is not."""

import math

import pytest

from runvitals.detectors.lasting import Lasting
from runvitals.values import Sample
from tests.detectors.findings import findings
from tests.streams import healthy

STEPS = 600
SLIGHTLY = [1.65 + 0.15 * math.exp(-step / 10) * one for step, one in enumerate(healthy(STEPS, spread=0.05, seed=1))]
"""A loss that gains a tenth in the first steps, as the bias of an output does alone."""

FALLING = [2.3 * math.exp(-step / 150) * one for step, one in enumerate(healthy(STEPS, spread=0.1, seed=2))]
RATES = [1e-3] * STEPS


def tenth(value):
    return [value if step % 10 == 0 else None for step in range(STEPS)]


def opened(fault, columns):
    return [finding.opened_step for finding in findings(fault, columns)]


def test_a_layer_without_a_live_unit_is_told_at_its_second_sight():
    """Logged every tenth step, though the bias of the output learns; 95 % may be a matter of the batch."""
    assert opened("dead_units", {"loss": SLIGHTLY, ("dead_units_ratio", "a"): tenth(1.0)}) == [10]
    assert opened("dead_units", {"loss": SLIGHTLY, ("dead_units_ratio", "a"): tenth(0.95)}) == []


def test_layers_that_were_saturated_before_anything_was_learned_are_told():
    """Eight tenths from the start on, every tenth step: within 130 steps; six tenths may be gates that were trained."""
    [step] = opened("saturated_activations", {"loss": FALLING, ("saturated_activations_ratio", "a"): tenth(0.8)})
    assert step <= 130
    assert opened("saturated_activations", {"loss": FALLING, ("saturated_activations_ratio", "a"): tenth(0.6)}) == []


def test_a_gradient_that_never_arrived_is_told_though_the_last_layer_learns():
    """A thousandth has never arrived, and the loss has gained a tenth: within 120 steps."""
    ends = {("grad_norm", "first"): tenth(1e-5), ("grad_norm", "last"): tenth(0.2)}
    [step] = opened("vanishing_gradient", {"loss": SLIGHTLY, **ends})
    assert step <= 120
    assert opened("vanishing_gradient", {"loss": FALLING, **ends}) == []


def test_an_optimizer_that_knows_no_parameters_is_told_by_steps_not_by_sights():
    """Updates of 0 from the start, logged every tenth step: within 100 steps."""
    columns = {"loss": SLIGHTLY, "learning_rate": RATES, "grad_norm": [2.7] * STEPS, "update_ratio": tenth(0.0)}
    [step] = opened("no_update", columns)
    assert step <= 100


def test_updates_that_a_logger_rounds_to_0_tell_nothing():
    """Three decimals: a layer's update of 0.0004 is logged as 0, now and then as 0.001."""
    rounded = [0.001 if step < 200 else 0.0 for step in range(STEPS)]
    columns = {
        "loss": FALLING,
        "learning_rate": RATES,
        ("grad_norm", "a"): [0.08] * STEPS,
        ("update_ratio", "a"): rounded,
    }
    assert opened("no_update", columns) == []


def test_a_rate_below_0_is_told_within_five_steps_of_it():
    """Each step climbs, whatever the loss says yet."""
    rates = [1e-3 if step < 300 else -1e-3 for step in range(STEPS)]
    assert opened("learning_rate_out_of_band", {"learning_rate": rates, "loss": FALLING}) == [304]


def test_a_raised_rate_is_told_as_soon_as_the_loss_is_worse():
    """Raised to fifty times what it was, at once or over a hundred steps; not where the loss falls all the same."""
    at_once = [1e-4 if step < 300 else 5e-3 for step in range(STEPS)]
    slowly = [1e-4 * 50 ** min(max(0.0, (step - 300) / 100), 1.0) for step in range(STEPS)]
    worse = [loss if step < 300 else 3 * FALLING[299] for step, loss in enumerate(FALLING)]
    [soon] = opened("learning_rate_out_of_band", {"learning_rate": at_once, "loss": worse})
    [later] = opened("learning_rate_out_of_band", {"learning_rate": slowly, "loss": worse})
    assert 300 < soon <= 315
    assert 340 < later <= 360
    assert opened("learning_rate_out_of_band", {"learning_rate": at_once, "loss": FALLING}) == []


@pytest.mark.parametrize("scale_first", [True, False])
def test_the_first_search_for_a_loss_scale_is_healthy(scale_first):
    """From 65536 down to 16, an overflow each: silent, in either order of the line; from 1 on it is no search."""
    scales = [65536.0 / 2 ** min(step, 12) for step in range(40)]
    norms = [math.inf if step < 12 else 2.0 for step in range(40)]
    columns = {"loss_scale": scales, "grad_norm": norms} if scale_first else {"grad_norm": norms, "loss_scale": scales}
    assert opened("nonfinite_gradient", columns) == []
    endless = {
        **columns,
        "loss_scale": [65536.0 / 2 ** min(step, 16) for step in range(40)],
        "grad_norm": [math.inf] * 40,
    }
    assert opened("nonfinite_gradient", endless) in ([17], [18])


def test_a_first_norm_that_is_nan_is_told_with_the_second():
    """Until then its line may still tell of a loss scale."""
    assert opened("nonfinite_gradient", {"grad_norm": [math.nan] * 5}) == [1]


def test_a_loss_near_0_does_not_spike_and_one_that_is_back_at_a_third_of_its_start_does():
    """Fifty times its median is nothing where that is a ten-thousandth of the start."""
    converged = [2.3 * math.exp(-min(step, 150) / 16) * one for step, one in enumerate(healthy(STEPS, spread=0.1))]
    small = [loss * 50 if step == 400 else loss for step, loss in enumerate(converged)]
    large = [0.8 if step == 400 else loss for step, loss in enumerate(converged)]
    assert opened("loss_spike", {"loss": small}) == []
    assert opened("loss_spike", {"loss": large}) == [400]


def test_outputs_that_come_to_say_the_same_of_everything_have_learned_nothing():
    """Three unequal classes and labels without meaning: the loss is that of no common guess, and stays; found as data.

    A network that tells its examples apart, and has reached what the noise of its labels allows, is healthy.
    """
    loss = [1.2 + 0.7 * math.exp(-step / 20) + 0.03 * (one - 1) for step, one in enumerate(healthy(1500, spread=1.0))]
    same = [0.8 * math.exp(-min(step, 300) / 100) for step in range(1500)]
    columns = {
        "loss": loss,
        "learning_rate": [1e-3] * 1500,
        "update_ratio": [1.234e-3] * 1500,
        "grad_norm": [0.31] * 1500,
    }
    [finding] = findings("not_learning", {**columns, "output_stddev": same})
    assert finding.category == "data"
    assert "hardly depend on the input" in finding.evidence[0].sentence
    assert findings("not_learning", {**columns, "output_stddev": [0.8 + step / 1500 for step in range(1500)]}) == []


def test_how_long_something_lasts_is_counted_in_steps_where_there_are_any():
    """And in observations where there are none."""
    lasting, bare = Lasting(), Lasting()
    sights = [Sample("run", "0", "x", "", 1.0 + step, step, 1.0) for step in (5, 15, 25)]
    assert [lasting.observe("a", one, holds=True) for one in sights] == [0.0, 10.0, 20.0]
    assert [bare.observe("a", one._replace(step=None), holds=True) for one in sights] == [0.0, 1.0, 2.0]
    assert lasting.observe("a", sights[0], holds=False) == 0.0

"""Faults of the network: found where they are, silent on what only looks like them, unknown without a second view."""

import math

import pytest

from runvitals.detectors.network.dead_units import DeadUnits
from runvitals.detectors.network.loss_head_mismatch import LossHeadMismatch
from runvitals.detectors.network.saturated_activations import SaturatedActivations
from runvitals.detectors.network.vanishing_gradient import VanishingGradient
from runvitals.values import EventKind, State
from tests.detectors.findings import findings, state_of
from tests.streams import healthy

STUCK = healthy(600, spread=0.02, seed=1, level=2.3)
FALLING = [2.3 * math.exp(-step / 150) * value for step, value in enumerate(healthy(600, spread=0.1, seed=2))]
NOISE = healthy(600, spread=0.2, seed=4)


def layers(first, last, middle=1e-2):
    """Gradient norms of three layers, in the order in which they are logged."""
    return {
        ("grad_norm", "embed"): [first * value for value in NOISE],
        ("grad_norm", "middle"): [middle * value for value in NOISE],
        ("grad_norm", "head"): [last * value for value in NOISE],
    }


def test_a_gradient_that_does_not_reach_the_first_layer_is_found():
    """A ten-millionth of the head's gradient arrives and the loss stands still: found within 80 steps, and named."""
    [finding] = findings("vanishing_gradient", {"loss": STUCK, **layers(1e-7, 1.0)})
    assert finding.opened_step <= 80
    assert finding.category == "structure"
    assert "gradient norm of embed" in finding.evidence[0].sentence


@pytest.mark.parametrize(
    ("loss", "first", "last"),
    [(STUCK, 0.05, 1.0), (STUCK, 2e-3, 10.0), (STUCK, 1e-12, 2e-12), (FALLING, 1e-6, 5e-3), (STUCK, 0.0, 1.0)],
    ids=["healthy", "large ratio, ordinary norm", "all tiny", "converging", "frozen"],
)
def test_a_ratio_or_a_small_norm_alone_is_no_vanishing_gradient(loss, first, last):
    """Neither of the two alone, nor both while the loss falls, nor a layer that is frozen."""
    assert findings("vanishing_gradient", {"loss": loss, **layers(first, last)}) == []


def test_layers_behind_a_head_that_starts_at_zero_are_given_time():
    """A gradient that grows from nothing, as behind a head or a gate that starts at 0, is on its way."""
    growing = [1e-9 * 1.05**step for step in range(600)]
    columns = {"loss": STUCK, ("grad_norm", "first"): growing, ("grad_norm", "head"): NOISE}
    assert findings("vanishing_gradient", columns) == []


def test_a_whole_gradient_that_collapses_is_found_unless_the_run_has_converged():
    """From 1 to 1e-6 at step 300: a fault where the loss is back at its start, convergence where it has fallen."""
    norms = [value * (1e-6 if step >= 300 else 1.0) for step, value in enumerate(NOISE)]
    relapse = [*FALLING[:300], *STUCK[300:]]
    [finding] = findings("vanishing_gradient", {"loss": relapse, "grad_norm": norms})
    assert 300 <= finding.opened_step <= 340
    assert findings("vanishing_gradient", {"loss": FALLING, "grad_norm": norms}) == []


def test_without_a_loss_nothing_is_known_of_a_small_gradient():
    """It may have converged."""
    assert state_of("vanishing_gradient", layers(1e-7, 1.0)) == {State.UNKNOWN}


def test_units_that_die_are_found():
    """A layer of which 80 % die at step 300 is found five steps later; it stays found over a restart, once."""
    shares = [0.05] * 300 + [0.8] * 300
    columns = {"loss": STUCK, ("dead_units_ratio", "layer 1"): shares}
    [finding] = findings("dead_units", columns)
    assert finding.opened_step == 304
    assert "80% of the units of layer 1" in finding.evidence[0].sentence
    assert findings("dead_units", columns, restart_at=606)[0].opened_step == 304


def test_a_network_dead_from_the_start_needs_a_loss_that_stands_still():
    """All units at 0 for every example, and nothing learned over 128 steps; not where the loss falls."""
    assert findings("dead_units", {"loss": STUCK, "dead_units_ratio": [0.97] * 600})[0].opened_step <= 140
    assert findings("dead_units", {"loss": FALLING, "dead_units_ratio": [0.97] * 600}) == []


def test_a_batch_of_one_kills_no_units():
    """Half the units of a healthy layer are 0 for a single example: unknown, not dead."""
    shares = [min(0.55 * value, 0.85) for value in healthy(600, spread=0.2, seed=6)]
    columns = {"loss": STUCK, "dead_units_ratio": shares}
    assert findings("dead_units", columns) == []


def test_a_gradient_that_is_mostly_zero_is_a_fault_only_where_it_became_so_and_hurts():
    """Not an embedding's from the start, nor one that has become 0 because nothing is left to learn."""
    became = [0.1] * 300 + [0.9] * 300
    relapse = [*FALLING[:300], *STUCK[300:]]
    assert findings("dead_units", {"loss": relapse, "zero_gradient_ratio": became})[0].opened_step <= 340
    assert findings("dead_units", {"loss": STUCK, "zero_gradient_ratio": [0.95] * 600}) == []
    assert findings("dead_units", {"loss": FALLING, "zero_gradient_ratio": became}) == []


def test_saturation_is_a_fault_where_nothing_is_learned_or_nothing_could_be():
    """Risen while the loss stands still, or complete from the start; not in a network that learns."""
    risen = [0.02] * 100 + [0.7] * 500
    fault = "saturated_activations"
    assert findings(fault, {"loss": STUCK, (f"{fault}_ratio", "tanh"): risen})[0].opened_step <= 110
    assert findings(fault, {"loss": FALLING, (f"{fault}_ratio", "tanh"): [0.97] * 600})[0].opened_step <= 20
    assert findings(fault, {"loss": FALLING, (f"{fault}_ratio", "tanh"): risen}) == []


def test_a_negative_loss_of_a_classifier_is_found():
    """Log-likelihoods taken of probabilities lie between -1 and 0 from the first step on."""
    losses = [-value / 4 for value in healthy(100, spread=0.1)]
    [finding] = findings("loss_head_mismatch", {"accuracy": [0.25] * 100, "loss": losses})
    assert finding.opened_step <= 3
    assert "cannot be below 0" in finding.evidence[0].sentence


def test_a_loss_that_had_stayed_far_above_zero_cannot_be_negative():
    """From 2.3 to -1 within a step."""
    losses = [*STUCK[:300], *(-value for value in healthy(100))]
    assert findings("loss_head_mismatch", {"loss": losses})[0].opened_step == 302


@pytest.mark.parametrize(
    "losses",
    [
        [3.0 - step / 100 + value for step, value in enumerate(NOISE)],
        [value - 1.0 for value in NOISE],
        [-5.0 * value for value in NOISE],
    ],
    ids=["a density that falls through 0", "a reward around 0", "a bound below 0"],
)
def test_losses_that_may_be_negative_are_healthy(losses):
    """Without an accuracy a negative loss is an ordinary one."""
    assert findings("loss_head_mismatch", {"loss": losses}) == []


def test_a_loss_that_never_changes_is_found():
    """ln 2 in float32 from the first step on; not its rounding, nor while the learning rate is 0."""
    loss, norms = [0.6931471824645996] * 200, [1.0] * 200
    [finding] = findings("loss_head_mismatch", {"loss": loss, "grad_norm": norms, "learning_rate": [0.1] * 200})
    # a value that comes again at its own step is a repetition; here each has a step of its own
    assert finding.opened_step == 65
    assert findings("loss_head_mismatch", {"loss": [0.69] * 200, "grad_norm": norms}) == []
    assert findings("loss_head_mismatch", {"learning_rate": [0.0] * 200, "loss": loss}) == []


def test_a_loss_of_zero_is_constant_where_there_is_no_gradient_either():
    """Softmax over one output: loss and gradient are exactly 0. A loss of 0.0 with a gradient is something else."""
    zeros = [0.0] * 200
    assert findings("loss_head_mismatch", {"grad_norm": zeros, "loss": zeros})[0].opened_step == 65
    assert findings("loss_head_mismatch", {"grad_norm": NOISE[:200], "loss": zeros}) == []


def test_a_gradient_that_never_was_is_found():
    """The loss varies with the batch, but nothing reaches the parameters."""
    assert findings("loss_head_mismatch", {"grad_norm": [0.0] * 600, "loss": STUCK})[0].opened_step <= 135
    assert findings("loss_head_mismatch", {"grad_norm": [0.0] * 600, "loss": FALLING}) == []


def test_outputs_that_have_become_one_are_found():
    """Every example gets the same answer from step 300 on, and the loss is back at its start; not a batch of one."""
    outputs = [value * (1e-7 if step >= 300 else 1.0) for step, value in enumerate(NOISE)]
    relapse = [*FALLING[:300], *STUCK[300:]]
    assert findings("loss_head_mismatch", {"loss": relapse, "output_stddev": outputs})[0].opened_step <= 330
    assert findings("loss_head_mismatch", {"loss": STUCK, "output_stddev": [0.0] * 600}) == []


def test_a_declared_phase_starts_anew():
    """Dead units are those of before the phase; after it, the share it began with is what counts."""
    shares = [0.05] * 300 + [0.7] * 300
    columns = {"loss": STUCK, "dead_units_ratio": shares}
    assert findings("dead_units", columns, events=[(EventKind.PHASE, 300, "distillation")]) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: VanishingGradient(ratio=1.0, norm=1e-4),
        lambda: VanishingGradient(ratio=1e-3, norm=0.0),
        lambda: DeadUnits(units_ratio=0.0, all_ratio=0.9, gradient_ratio=0.7),
        lambda: DeadUnits(units_ratio=0.9, all_ratio=0.5, gradient_ratio=0.7),
        lambda: SaturatedActivations(ratio=0.5, all_ratio=1.0),
        lambda: LossHeadMismatch(gap=0.0, constant_steps=64.0, output_ratio=1e-4),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(make):
    """A share that always or never fires is a mistake in the config."""
    with pytest.raises(ValueError, match="must be"):
        make()

"""Values that are not numbers, and gradients and losses that jump."""

from __future__ import annotations

import math

from tests.scenarios import plants
from tests.scenarios.data_parallel import nan_on_one_rank
from tests.scenarios.plan import ADAM, CNN, PERCEPTRON, REGRESSION, RNN, TANH, TORCH_PERCEPTRON, TRANSFORMER, Plan
from tests.scenarios.plants import Act
from tests.scenarios.scenario import Scenario
from tests.scenarios.trained import faulty

_HALF = {"precision": "float16"}
_LATE = (0.45, 0.65)


def _run(
    name: str, fault: str, category: str, within: int, plan: Plan, act: Act | None = None, also: tuple[str, ...] = ()
) -> Scenario:
    return Scenario(
        name, faulty(name, plan, act, _LATE), fault, category, within, also, plan.network.startswith("torch")
    )


NONFINITE = (
    _run("nan_log_of_zero_at_the_start", "nonfinite_loss", "structure", 5,
         PERCEPTRON.with_options(is_naive=True, gain=40.0)._replace(steps=200)),
    _run("nan_log_of_zero_in_half_precision", "nonfinite_loss", "structure", 5,
         TANH.with_options(is_naive=True, gain=60.0, precision="float16")._replace(steps=200)),
    # A batch of NaN: that the input is bad, which batch it was, and that the loss is gone are one truth.
    _run("nan_in_a_batch", "nonfinite_loss", "data", 5, PERCEPTRON._replace(marks_batches=True),
         plants.alter_inputs(plants.with_nan(0.1), 1), also=("bad_batch", "bad_input")),
    _run("nan_in_a_batch_convolution", "nonfinite_loss", "data", 5, CNN._replace(marks_batches=True),
         plants.alter_inputs(plants.with_nan(0.2), 1), also=("bad_batch", "bad_input")),
    # The rate is raised so far that the first view of it may be the gradient or the size of the update.
    _run("nan_after_the_rate_was_raised", "nonfinite_loss", "parameters", 60, REGRESSION, plants.set_rate(60.0),
         also=("gradient_explosion", "gradient_explosion_likely", "update_too_large")),
    _run("nan_after_the_rate_was_raised_half", "nonfinite_loss", "parameters", 60,
         REGRESSION.with_options(**_HALF), plants.set_rate(60.0),
         also=("gradient_explosion", "gradient_explosion_likely", "update_too_large")),
    Scenario("nan_on_one_rank", nan_on_one_rank("nan_on_one_rank", skips=True), "nonfinite_loss", "infrastructure", 5),
    Scenario("nan_from_one_rank_to_all", nan_on_one_rank("nan_from_one_rank_to_all", skips=False),
             "nonfinite_loss", "infrastructure", 5),
    _run("nan_gradient", "nonfinite_gradient", "parameters", 5, ADAM, plants.break_gradient(1.0, math.nan)),
    _run("infinite_gradient_recurrent", "nonfinite_gradient", "parameters", 5, RNN._replace(detail="usual", clip=0.0),
         plants.break_gradient(1.0, math.inf)),
    _run("nan_gradient_transformer", "nonfinite_gradient", "parameters", 5, TRANSFORMER._replace(detail="usual"),
         plants.break_gradient(1.0, math.nan)),
)  # fmt: skip
EXPLOSIONS = (
    _run("explosion_rate_raised", "gradient_explosion", "parameters", 60, REGRESSION._replace(detail="usual"),
         plants.set_rate(25.0), also=("gradient_explosion_likely",)),
    _run("explosion_rate_raised_perceptron", "gradient_explosion", "parameters", 60,
         PERCEPTRON.with_options(classes=0)._replace(detail="usual", rate=0.005), plants.set_rate(40.0),
         also=("gradient_explosion_likely",)),
    _run("explosion_weights_spoiled_recurrent", "gradient_explosion", "parameters", 60,
         RNN._replace(clip=0.0, detail="usual"), plants.multiply_weights(4.0, "recurrence"),
         also=("gradient_explosion_likely", "loss_spike")),
    _run("explosion_gradient_summed", "gradient_explosion", "parameters", 60, ADAM._replace(clip=1.0),
         plants.multiply_gradient(64.0)),
    _run("explosion_likely_ramp", "gradient_explosion_likely", "parameters", 400,
         REGRESSION._replace(detail="usual", steps=1500), plants.ramp_rate(30.0, 200), also=("gradient_explosion",)),
    _run("explosion_likely_ramp_perceptron", "gradient_explosion_likely", "parameters", 400,
         PERCEPTRON.with_options(classes=0)._replace(detail="usual", steps=1500, rate=0.005, optimizer="sgd"),
         plants.ramp_rate(60.0, 200), also=("gradient_explosion",)),
)  # fmt: skip
SPIKES = (
    _run("spike_of_the_rate", "loss_spike", "parameters", 10, REGRESSION._replace(detail="bare"),
         plants.pulse_rate(20.0, 2)),
    _run("spike_of_the_loss_convolution", "loss_spike", "parameters", 10, CNN._replace(detail="bare"),
         plants.multiply_weights(3.0)),
    _run("spike_of_the_loss_perceptron", "loss_spike", "parameters", 10, ADAM._replace(detail="bare"),
         plants.multiply_weights(4.0)),
    _run("bad_batch_scaled", "bad_batch", "data", 5, PERCEPTRON._replace(marks_batches=True),
         plants.alter_inputs(plants.scaled(20.0), 1)),
    _run("bad_batch_scaled_torch", "bad_batch", "data", 5, TORCH_PERCEPTRON._replace(marks_batches=True),
         plants.alter_inputs(plants.scaled(15.0), 1)),
    _run("bad_batch_labels", "bad_batch", "data", 5,
         PERCEPTRON.with_options(noise=0.05)._replace(marks_batches=True, batch=64, steps=2000),
         plants.relabel(1.0, 1), also=("loss_spike",)),  # nothing but the loss tells
)  # fmt: skip
LOSS_SCALE = (
    _run("scale_collapses", "amp_scale_collapse", "parameters", 60, PERCEPTRON.with_options(**_HALF),
         plants.break_gradient(1.0, math.inf), also=("nonfinite_gradient",)),  # each of its steps is one too
    _run("scale_collapses_now_and_then", "amp_scale_collapse", "parameters", 150, ADAM.with_options(**_HALF),
         plants.break_gradient(0.3, math.inf)),
    _run("scale_collapses_recurrent", "amp_scale_collapse", "parameters", 150, RNN.with_options(**_HALF),
         plants.break_gradient(0.2, math.inf)),
)  # fmt: skip

ALL = (*NONFINITE, *EXPLOSIONS, *SPIKES, *LOSS_SCALE)

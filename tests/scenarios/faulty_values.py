"""Values that are not numbers, and gradients and losses that jump."""

from __future__ import annotations

import math

from tests.scenarios import plants
from tests.scenarios.data_parallel import nan_on_one_rank
from tests.scenarios.networks.wrong_losses import naive_cross_entropy
from tests.scenarios.plan import ADAM, CNN, PERCEPTRON, REGRESSION, RNN, TANH, TORCH_PERCEPTRON, TRANSFORMER
from tests.scenarios.scenario import Scenario
from tests.scenarios.trained import planted

_HALF = {"precision": "float16"}
_LATE = (0.45, 0.65)


NONFINITE = (
    planted(
        "nan_log_of_zero_at_the_start",
        "nonfinite_loss",
        "structure",
        5,
        PERCEPTRON.with_options(loss=naive_cross_entropy, gain=40.0)._replace(steps=200),
    ),
    planted(
        "nan_log_of_zero_in_half_precision",
        "nonfinite_loss",
        "structure",
        5,
        TANH.with_options(loss=naive_cross_entropy, gain=60.0, precision="float16")._replace(steps=200),
    ),
    # A batch of NaN: that the input is bad, which batch it was, and that the loss is gone are one truth.
    planted(
        "nan_in_a_batch",
        "nonfinite_loss",
        "data",
        5,
        PERCEPTRON._replace(marks_batches=True),
        plants.alter_inputs(plants.with_nan(0.1), 1),
        also=("bad_batch", "bad_input"),
    ),
    planted(
        "nan_in_a_batch_convolution",
        "nonfinite_loss",
        "data",
        5,
        CNN._replace(marks_batches=True),
        plants.alter_inputs(plants.with_nan(0.2), 1),
        also=("bad_batch", "bad_input"),
    ),
    # The rate is raised so far that the first view of it may be the gradient or the size of the update.
    planted(
        "nan_after_the_rate_was_raised",
        "nonfinite_loss",
        "parameters",
        60,
        REGRESSION,
        plants.set_rate(60.0),
        also=("gradient_explosion", "gradient_explosion_likely", "update_too_large"),
    ),
    # In half precision the gradient overflows before the loss does.
    planted(
        "nan_after_the_rate_was_raised_half",
        "nonfinite_loss",
        "parameters",
        60,
        REGRESSION.with_options(**_HALF),
        plants.set_rate(60.0),
        also=("nonfinite_gradient", "gradient_explosion", "gradient_explosion_likely", "update_too_large"),
    ),
    Scenario("nan_on_one_rank", nan_on_one_rank("nan_on_one_rank", skips=True), "nonfinite_loss", "infrastructure", 5),
    Scenario(
        "nan_from_one_rank_to_all",
        nan_on_one_rank("nan_from_one_rank_to_all", skips=False),
        "nonfinite_loss",
        "infrastructure",
        5,
    ),
    planted("nan_gradient", "nonfinite_gradient", "parameters", 5, ADAM, plants.break_gradient(1.0, math.nan)),
    planted(
        "infinite_gradient_recurrent",
        "nonfinite_gradient",
        "parameters",
        5,
        RNN._replace(detail="usual", clip=0.0),
        plants.break_gradient(1.0, math.inf),
    ),
    planted(
        "nan_gradient_transformer",
        "nonfinite_gradient",
        "parameters",
        5,
        TRANSFORMER._replace(detail="usual"),
        plants.break_gradient(1.0, math.nan),
    ),
)
EXPLOSIONS = (
    planted(
        "explosion_rate_raised",
        "gradient_explosion",
        "parameters",
        60,
        REGRESSION._replace(detail="usual"),
        plants.set_rate(25.0),
        also=("gradient_explosion_likely",),
    ),
    planted(
        "explosion_rate_raised_perceptron",
        "gradient_explosion",
        "parameters",
        60,
        PERCEPTRON.with_options(classes=0)._replace(detail="usual", rate=0.005),
        plants.set_rate(40.0),
        also=("gradient_explosion_likely",),
    ),
    planted(
        "explosion_weights_spoiled_recurrent",
        "gradient_explosion",
        "parameters",
        60,
        RNN._replace(clip=0.0, detail="usual"),
        plants.multiply_weights(4.0, "recurrence"),
        also=("gradient_explosion_likely", "loss_spike"),
    ),
    planted(
        "explosion_gradient_summed",
        "gradient_explosion",
        "parameters",
        60,
        ADAM._replace(clip=1.0),
        plants.multiply_gradient(64.0),
    ),
    # The rate grows slowly: that is said by its own size, and where the loss stands out or climbs before the gradient
    # does, it spikes or diverges.
    planted(
        "explosion_likely_ramp",
        "gradient_explosion_likely",
        "parameters",
        400,
        REGRESSION._replace(detail="usual", steps=1500),
        plants.ramp_rate(30.0, 200),
        also=("gradient_explosion", "divergence", "learning_rate_out_of_band", "loss_spike"),
    ),
    planted(
        "explosion_likely_ramp_perceptron",
        "gradient_explosion_likely",
        "parameters",
        400,
        PERCEPTRON.with_options(classes=0)._replace(detail="usual", steps=1500, rate=0.005, optimizer="sgd"),
        plants.ramp_rate(60.0, 200),
        also=("gradient_explosion", "divergence", "learning_rate_out_of_band", "loss_spike"),
    ),
)
SPIKES = (
    planted(
        "spike_of_the_rate",
        "loss_spike",
        "parameters",
        10,
        REGRESSION._replace(detail="bare"),
        plants.pulse_rate(20.0, 2),
    ),
    planted(
        "spike_of_the_loss_convolution",
        "loss_spike",
        "parameters",
        10,
        CNN._replace(detail="bare"),
        plants.multiply_weights(3.0),
    ),
    planted(
        "spike_of_the_loss_perceptron",
        "loss_spike",
        "parameters",
        10,
        ADAM._replace(detail="bare"),
        plants.multiply_weights(4.0),
    ),
    # What is seen of a bad batch is a spike of the loss; whether it is known for one, the category shows.
    planted(
        "bad_batch_scaled",
        "bad_batch",
        "data",
        5,
        PERCEPTRON._replace(marks_batches=True),
        plants.alter_inputs(plants.scaled(20.0), 1),
        also=("loss_spike",),
    ),
    planted(
        "bad_batch_scaled_torch",
        "bad_batch",
        "data",
        5,
        TORCH_PERCEPTRON._replace(marks_batches=True),
        plants.alter_inputs(plants.scaled(-15.0), 1),
        also=("loss_spike",),
    ),
    planted(
        "bad_batch_labels",
        "bad_batch",
        "data",
        5,
        PERCEPTRON.with_options(noise=0.05)._replace(marks_batches=True, batch=64, steps=2000),
        plants.relabel(1.0, 1),
        also=("loss_spike",),
    ),
)
LOSS_SCALE = (
    # Each of its steps is one too.
    planted(
        "scale_collapses",
        "amp_scale_collapse",
        "parameters",
        60,
        PERCEPTRON.with_options(**_HALF),
        plants.break_gradient(1.0, math.inf),
        also=("nonfinite_gradient",),
    ),
    planted(
        "scale_collapses_now_and_then",
        "amp_scale_collapse",
        "parameters",
        150,
        ADAM.with_options(**_HALF),
        plants.break_gradient(0.3, math.inf),
    ),
    planted(
        "scale_collapses_recurrent",
        "amp_scale_collapse",
        "parameters",
        150,
        RNN.with_options(**_HALF),
        plants.break_gradient(0.2, math.inf),
    ),
)

ALL = (*NONFINITE, *EXPLOSIONS, *SPIKES, *LOSS_SCALE)

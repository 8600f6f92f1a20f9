"""Networks that are built wrong, and data that do not fit them."""

from __future__ import annotations

import numpy as np

from tests.scenarios import plants
from tests.scenarios.networks.wrong_losses import binary_cross_entropy_of_one_and_two
from tests.scenarios.plan import ADAM, CNN, PERCEPTRON, REGRESSION, RNN, TANH
from tests.scenarios.trained import FIRST_STEP, planted

VANISHING = (
    planted(
        "vanishing_deep_sigmoid",
        "vanishing_gradient",
        "structure",
        400,
        PERCEPTRON.with_options(depth=10, activation="sigmoid"),
    ),
    planted("vanishing_deep_tanh", "vanishing_gradient", "structure", 400, TANH.with_options(depth=14, gain=0.33)),
    planted(
        "vanishing_deep_relu",
        "vanishing_gradient",
        "structure",
        400,
        PERCEPTRON.with_options(depth=14, gain=0.5)._replace(rate=0.002),
    ),
)
UNITS = (
    planted(
        "dead_units_biases", "dead_units", "structure", 200, PERCEPTRON, plants.set_biases(-12.0), between=FIRST_STEP
    ),
    planted(
        "dead_units_slowly",
        "dead_units",
        "structure",
        500,
        PERCEPTRON._replace(rate=0.01),
        plants.kill_units(0.03, 0.9),
    ),
    planted("dead_units_at_once", "dead_units", "structure", 200, REGRESSION, plants.kill_units(0.5)),
    planted("saturated_gain", "saturated_activations", "structure", 300, TANH.with_options(gain=15.0)),
    planted(
        "saturated_sigmoid",
        "saturated_activations",
        "structure",
        300,
        TANH.with_options(gain=25.0, activation="sigmoid"),
    ),
    planted(
        "saturated_recurrent",
        "saturated_activations",
        "structure",
        300,
        RNN,
        plants.multiply_weights(30.0, "input", "recurrence"),
    ),
)
HEADS = (
    planted(
        "loss_below_zero",
        "loss_head_mismatch",
        "structure",
        1200,
        ADAM.with_options(classes=2, loss=binary_cross_entropy_of_one_and_two),
    ),
    planted(
        "loss_negated",
        "loss_head_mismatch",
        "structure",
        200,
        ADAM,
        plants.change_loss(lambda loss: -loss),
        between=FIRST_STEP,
    ),
    planted(
        "output_constant",
        "loss_head_mismatch",
        "structure",
        300,
        PERCEPTRON.with_options(classes=1),
    ),
)
INPUTS = (
    planted(
        "input_raw_pixels",
        "input_unscaled",
        "data",
        300,
        PERCEPTRON.with_options(offset=127.0, spread=74.0)._replace(rate=2e-6),
    ),
    # Its consequence, there from the first step on.
    planted(
        "input_raw_tanh",
        "input_unscaled",
        "data",
        300,
        TANH.with_options(spread=60.0)._replace(rate=0.002),
        also=("saturated_activations",),
    ),
    planted("input_offset", "input_unscaled", "data", 300, REGRESSION.with_options(offset=40.0)._replace(rate=1e-6)),
    planted(
        "input_missing",
        "bad_input",
        "data",
        300,
        PERCEPTRON,
        lambda training: training.extra.update(input_missing_ratio=0.3),
    ),
    planted(
        "input_nonfinite_imputed",
        "bad_input",
        "data",
        300,
        ADAM,
        lambda training: training.extra.update(input_nonfinite_ratio=0.08),
    ),
    planted("input_same_batch", "bad_input", "data", 300, CNN, plants.repeat_batch),
    planted("input_same_batch_perceptron", "bad_input", "data", 300, PERCEPTRON, plants.repeat_batch),
    planted(
        "input_constant_features",
        "bad_input",
        "data",
        300,
        ADAM,
        plants.alter_inputs(lambda inputs: _blank(inputs, 0.5)),
    ),
)


def _blank(inputs: np.ndarray, share: float) -> np.ndarray:
    inputs[:, : int(share * inputs.shape[1])] = 0
    return inputs


ALL = (*VANISHING, *UNITS, *HEADS, *INPUTS)

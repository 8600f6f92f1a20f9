"""Training that goes the wrong way, or no way at all."""

from __future__ import annotations

from tests.scenarios import plants
from tests.scenarios.plan import ADAM, CNN, PERCEPTRON, REGRESSION, RNN, SMALL_START, TRANSFORMER
from tests.scenarios.trained import FIRST_STEP, planted

_EARLY = (0.25, 0.3)

DIVERGENCE = (
    # The rate is too high, and that is said by its own size or by that of the updates too.
    planted(
        "divergence_rate_too_high",
        "divergence",
        "parameters",
        800,
        ADAM._replace(clip=1.0, steps=2000),
        plants.set_rate(60.0),
        also=("update_too_large", "learning_rate_out_of_band"),
        between=_EARLY,
    ),
    planted(
        "divergence_clipped",
        "divergence",
        "parameters",
        800,
        PERCEPTRON._replace(clip=0.5, steps=2000, detail="usual"),
        plants.set_rate(60.0),
        also=("learning_rate_out_of_band",),
        between=_EARLY,
    ),
    planted(
        "divergence_wrong_sign",
        "divergence",
        "structure",
        800,
        PERCEPTRON._replace(rate=0.0005, steps=2000, detail="usual"),
        plants.multiply_gradient(-1.0),
        between=_EARLY,
    ),
)
NO_PROGRESS = (
    planted(
        "labels_shuffled",
        "not_learning",
        "data",
        2000,
        PERCEPTRON._replace(steps=2000, eval_every=100),
        plants.shuffle_targets,
        between=FIRST_STEP,
    ),
    planted(
        "labels_random",
        "not_learning",
        "data",
        2000,
        ADAM.with_options(classes=10, label_noise=1.0, gain=SMALL_START)._replace(steps=2000, eval_every=100),
    ),
    planted(
        "labels_shuffled_convolution",
        "not_learning",
        "data",
        1600,
        CNN._replace(steps=1600, eval_every=100),
        plants.shuffle_targets,
        between=FIRST_STEP,
    ),
    planted(
        "optimizer_of_nothing",
        "not_learning",
        "structure",
        1600,
        ADAM.with_options(gain=SMALL_START)._replace(detail="usual", steps=1600, eval_every=100),
        plants.forget_layers(),
        between=FIRST_STEP,
    ),
    planted(
        "plateau_updates_collapsed",
        "plateau",
        "parameters",
        3000,
        ADAM._replace(steps=3000, rate=0.0004),
        plants.shrink_updates(1e-3),
        between=(0.15, 0.2),
    ),
    planted(
        "plateau_too_narrow",
        "plateau",
        "structure",
        3000,
        PERCEPTRON.with_options(width=2, depth=1)._replace(steps=3000, detail="usual"),
    ),
    planted(
        "no_update_from_the_start",
        "no_update",
        "structure",
        200,
        PERCEPTRON,
        plants.forget_layers(),
        between=FIRST_STEP,
    ),
    planted("no_update_after_a_change", "no_update", "structure", 200, ADAM, plants.forget_layers()),
    planted("no_update_transformer", "no_update", "structure", 200, TRANSFORMER, plants.forget_layers()),
)
SWINGS = (
    # A rate of 40 to 60 times what it was is said by its own size, before the loss has swung for long enough.
    planted(
        "oscillation_over_the_valley",
        "oscillation",
        "parameters",
        700,
        REGRESSION._replace(batch=256, clip=0.5, rate=0.02, steps=1600, eval_every=20),
        plants.ramp_rate(60.0, 150, times=1.0),
        also=("learning_rate_out_of_band",),
    ),
    planted(
        "oscillation_full_batch",
        "oscillation",
        "parameters",
        700,
        REGRESSION.with_options(pool=512)._replace(batch=512, clip=1.0, rate=0.02, steps=1600, eval_every=20),
        plants.ramp_rate(40.0, 150, times=1.0),
        also=("learning_rate_out_of_band",),
    ),
    planted(
        "overfitting",
        "overfitting",
        "parameters",
        2500,
        ADAM.with_options(pool=96, width=64, label_noise=0.2)._replace(steps=2500, eval_every=50),
    ),
    planted(
        "overfitting_regression",
        "overfitting",
        "parameters",
        2500,
        REGRESSION.with_options(pool=40, width=64, noise=1.5)._replace(
            steps=2500, eval_every=25, optimizer="adamw", rate=0.0004
        ),
    ),
)
RATES = (
    # The norm jumps in the same step.
    planted(
        "update_too_large_gradient_summed",
        "update_too_large",
        "parameters",
        60,
        PERCEPTRON,
        plants.multiply_gradient(100.0),
        also=("gradient_explosion",),
    ),
    # It is both.
    planted(
        "update_too_large_rate_raised",
        "update_too_large",
        "parameters",
        100,
        ADAM,
        plants.set_rate(80.0),
        also=("learning_rate_out_of_band",),
    ),
    planted(
        "rate_of_zero",
        "learning_rate_out_of_band",
        "parameters",
        100,
        ADAM._replace(detail="usual"),
        plants.set_rate(0.0),
    ),
    planted(
        "rate_tiny_from_the_start",
        "learning_rate_out_of_band",
        "parameters",
        300,
        ADAM._replace(rate=1e-9, detail="usual"),
    ),
    planted(
        "rate_of_five",
        "learning_rate_out_of_band",
        "parameters",
        100,
        PERCEPTRON._replace(clip=0.001),
        plants.set_rate(200.0),
        also=("update_too_large",),
    ),
    planted("rate_negative", "learning_rate_out_of_band", "parameters", 100, PERCEPTRON, plants.set_rate(-0.05)),
)
RESUMES = (
    planted(
        "resume_lost_optimizer_and_weights",
        "resume_lost_state",
        "structure",
        200,
        ADAM,
        plants.resume(loses_state=True, spread=1.0),
    ),
    planted(
        "resume_lost_weights_convolution",
        "resume_lost_state",
        "structure",
        200,
        CNN,
        plants.resume(loses_state=True, restarts=False, spread=1.0),
    ),
    planted(
        "resume_lost_weights_unmarked",
        "resume_lost_state",
        "structure",
        200,
        PERCEPTRON,
        plants.resume(loses_state=True, restarts=False, is_marked=False, spread=1.0),
    ),
    planted(
        "resume_lost_weights_recurrent",
        "resume_lost_state",
        "structure",
        200,
        RNN,
        plants.resume(loses_state=True, spread=0.8),
    ),
)

ALL = (*DIVERGENCE, *NO_PROGRESS, *SWINGS, *RATES, *RESUMES)

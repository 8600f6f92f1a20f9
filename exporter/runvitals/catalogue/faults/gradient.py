"""What can be wrong with the gradient as a whole."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

GRADIENT_EXPLOSION = Fault(
    name="gradient_explosion",
    category="parameters",
    severity="critical",
    scope="rank",
    detector="gradient_explosion",
    signals=(signals.GRAD_NORM.name,),
    summary="The gradient norm explodes: its level and its change agree.",
    first_action=(
        "Save a checkpoint from before the opening step, clip the gradient and lower the learning rate to a third."
    ),
    thresholds={
        "level_ratio": Threshold(
            3.0,
            "gradient norm over the window's median",
            "design of the project: level and change must agree",
        ),
        "recent_ratio": Threshold(
            2.0,
            "gradient norm over the 98th percentile of the window: what comes every fifty steps is usual",
            "design of the project",
        ),
        "level_robust_zscore": Threshold(
            6.0,
            "robust z-score of the logarithm of the gradient norm",
            "six healthy published runs stay below 6 jointly with the loss",
        ),
        "change": Threshold(
            1.0,
            "C: relative change of the norm from step to step that counts as an explosion",
            "a fall alone stays at or below 1",
        ),
        "probability": Threshold(0.01, "epsilon: explosion probability at horizon 1", "design of the project"),
        "jump_ratio": Threshold(
            10.0,
            "gradient norm over the window's median, a jump by itself",
            "Megatron-LM flags 10 times the observed maximum",
        ),
    },
    open_count=2,
    open_window=3,
    close_count=32,
)

GRADIENT_EXPLOSION_LIKELY = Fault(
    name="gradient_explosion_likely",
    category="parameters",
    # A forecast, wrong as often as its probability says: it may send a mail, not ring a telephone. The explosion itself
    # is critical.
    severity="warning",
    scope="rank",
    detector="gradient_explosion_likely",
    signals=(signals.GRAD_NORM.name,),
    context=(signals.LEARNING_RATE.name,),
    summary="The gradient norm is likely to explode within 50 steps.",
    first_action="Save a checkpoint now and lower the learning rate; if it was raised lately, go back to what it was.",
    thresholds={
        "probability": Threshold(
            0.5,
            "calibrated probability of an explosion within 50 steps",
            "more likely than not; measured on held-back runs by `python -m hazard report`",
        ),
    },
    open_count=2,
    open_window=3,
    # As long as the horizon: before that it is not known that the forecast has come to nothing.
    close_count=50,
)

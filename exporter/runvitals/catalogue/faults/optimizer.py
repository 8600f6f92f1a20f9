"""What can be wrong with the steps that the optimizer takes."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold
from runvitals.values import EventKind

NO_UPDATE = Fault(
    name="no_update",
    category="structure",
    severity="critical",
    scope="rank",
    detector="no_update",
    signals=(signals.UPDATE_RATIO.name, signals.PARAMETER_NORM.name, signals.PARAMETER_CHECKSUM.name),
    context=(signals.GRAD_NORM.name, signals.LEARNING_RATE.name),
    summary="The parameters do not change, though there are a gradient and a learning rate.",
    first_action="Check that the optimizer was given these parameters, and that its step is called on them.",
    thresholds={
        "ratio": Threshold(
            1e-8, "norm of the update over that of the parameters", "SageMaker Debugger: update too small below 1e-8"
        ),
        "steps": Threshold(
            8.0,
            "observations without an update after updates have been seen, if no pause had a third of that",
            "design of the project: between two updates of gradient accumulation the parameters rest",
        ),
        "start_steps": Threshold(
            64.0,
            "steps without an update from the start, in at least `steps` observations",
            "gradient accumulation over 64 batches is rare",
        ),
        "constant_steps": Threshold(
            128.0,
            "observations of a parameter norm or checksum that stays exactly the same",
            "design of the project: small steps across the weights change the norm in its last digits only",
        ),
    },
    open_count=3,
    open_window=3,
    close_count=8,
    has_layers=True,
)

UPDATE_TOO_LARGE = Fault(
    name="update_too_large",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="update_too_large",
    signals=(signals.UPDATE_RATIO.name,),
    summary="Each step changes the parameters by a large part of themselves.",
    first_action="Lower the learning rate to a tenth, and look whether the loss falls again.",
    thresholds={
        "ratio": Threshold(
            0.1,
            "norm of the update over that of the parameters, median of 16 steps",
            "about 1e-3 is healthy, 1e-2 high (common rule of thumb); a tenth replaces the weights in ten steps",
        ),
        "warm_up": Threshold(
            128.0, "steps that do not count", "design of the project: weights that start small move far at first"
        ),
    },
    open_count=5,
    open_window=5,
    close_count=16,
    has_layers=True,
)

LEARNING_RATE_OUT_OF_BAND = Fault(
    name="learning_rate_out_of_band",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="learning_rate_out_of_band",
    signals=(signals.LEARNING_RATE.name,),
    context=(signals.LOSS.name,),
    summary="The learning rate is too high for the loss to fall, or nothing while the run goes on.",
    first_action="Check the schedule: its base rate, its warm-up, and the number of steps that it was made for.",
    thresholds={
        "high": Threshold(
            1e-2,
            "learning rate above which a loss that is worse than at the start is its doing",
            "adaptive optimizers are rarely run above 1e-2",
        ),
        "highest": Threshold(
            1.0,
            "learning rate above which a loss that gains nothing is its doing, and up to which none is raised",
            "optimizers without adaptive steps are rarely run above 1",
        ),
        "raised": Threshold(
            5.0,
            "times the highest rate before it, after 64 steps: what no warm-up does",
            "design of the project; schedules that restart do not go above where they began",
        ),
        "low": Threshold(
            1e-7, "learning rate with which nothing is learned", "adaptive optimizers fine-tune from 1e-6"
        ),
        "steps": Threshold(
            64.0,
            "steps over which it stays exactly so low",
            "a quarter of the window: a decay ends with few steps at its end, and a cycle touches 0 once",
        ),
    },
    open_count=5,
    open_window=8,
    close_count=64,
)

AMP_SCALE_COLLAPSE = Fault(
    name="amp_scale_collapse",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="amp_scale_collapse",
    signals=(signals.LOSS_SCALE.name, signals.SKIPPED_STEPS.name, signals.LOSS.name),
    summary="The loss scale keeps falling: gradients overflow in half precision again and again.",
    first_action="Use bfloat16 where the hardware has it; otherwise lower the learning rate and look for the overflow.",
    thresholds={
        "halvings": Threshold(
            3.0,
            "halvings less doublings of the scale within 100 steps, once its first search is over",
            "a scaler in balance halves about as often as it doubles: once in 1,000 to 2,000 steps",
        ),
        "floor": Threshold(1.0, "loss scale at which scaling has lost its purpose", "DeepSpeed's smallest scale"),
        "skipped_ratio": Threshold(
            0.01,
            "share of the last 500 steps that were skipped",
            "a scaler in balance skips one step in 1,000 to 2,000",
        ),
    },
    close_count=32,
    events=(EventKind.LOSS_SCALE_OVERFLOW,),
)

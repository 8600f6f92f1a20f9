"""Values that are not numbers."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

NONFINITE_LOSS = Fault(
    name="nonfinite_loss",
    category="parameters",
    severity="critical",
    scope="rank",
    detector="nonfinite",
    signals=(signals.LOSS.name, signals.EVAL_LOSS.name),
    summary="The loss is NaN or infinite.",
    first_action="Stop the run, keep the batch of that step, and go back to the last checkpoint before it.",
    close_count=16,
)

NONFINITE_GRADIENT = Fault(
    name="nonfinite_gradient",
    category="parameters",
    severity="critical",
    scope="rank",
    detector="nonfinite_gradient",
    signals=(signals.GRAD_NORM.name,),
    context=(signals.LOSS_SCALE.name,),
    summary="The gradient norm is NaN or infinite.",
    first_action=(
        "Stop the run, find the first layer with a non-finite gradient, and lower the learning rate or the loss scale."
    ),
    thresholds={
        "amp_recovery_steps": Threshold(
            3.0,
            "with loss scaling, so many non-finite steps in a row are the scaler at work",
            "dynamic loss scaling skips a step and halves the scale on each overflow: a few steps suffice",
        ),
    },
    close_count=16,
)

"""What can be wrong with the network itself: how it is built, how it began, what its loss is of."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

VANISHING_GRADIENT = Fault(
    name="vanishing_gradient",
    category="structure",
    severity="warning",
    scope="rank",
    detector="vanishing_gradient",
    signals=(signals.GRAD_NORM.name,),
    context=(signals.LOSS.name,),
    summary="The gradient vanishes, though the loss is not converged.",
    first_action=(
        "Compare the gradient norms of the layers; add normalisation or residual connections, and check the initial "
        "weights."
    ),
    thresholds={
        "ratio": Threshold(
            1e-3,
            "gradient norm over that of the network's other end, or over its own highest level",
            "a norm that falls by a factor of a thousand through the layers (Glorot and Bengio, 2010, figure 7)",
        ),
        "norm": Threshold(
            1e-4,
            "gradient norm that is small by itself: a ratio alone also fires where all is small or all is large",
            "design of the project; SageMaker Debugger takes a mean absolute gradient below 1e-7",
        ),
    },
    close_count=64,
    has_layers=True,
)

DEAD_UNITS = Fault(
    name="dead_units",
    category="structure",
    severity="warning",
    scope="rank",
    detector="dead_units",
    signals=(signals.DEAD_UNITS_RATIO.name, signals.ZERO_GRADIENT_RATIO.name),
    context=(signals.LOSS.name,),
    summary="Most units of a layer are 0 whatever goes in.",
    first_action="Go back to a checkpoint from before, lower the learning rate, and use an activation that leaks.",
    thresholds={
        "units_ratio": Threshold(
            0.5, "share of a layer's units that are dead", "SageMaker Debugger: a layer is dead above one half"
        ),
        "all_ratio": Threshold(
            0.9,
            "share of dead units from the start on, in a network that does not learn",
            "design of the project: in a batch of one, half the units of a healthy layer are 0",
        ),
        "gradient_ratio": Threshold(0.7, "share of the gradient that is exactly 0", "AutoTrainer (ICSE 2021)"),
    },
    close_count=64,
    has_layers=True,
)

SATURATED_ACTIVATIONS = Fault(
    name="saturated_activations",
    category="structure",
    severity="warning",
    scope="rank",
    detector="saturated_activations",
    signals=(signals.SATURATED_ACTIVATIONS_RATIO.name,),
    context=(signals.LOSS.name,),
    summary="Most activations of a layer are saturated, and the network learns nothing.",
    first_action="Scale the inputs to about zero mean and unit variance, and make the initial weights smaller.",
    thresholds={
        "ratio": Threshold(
            0.5,
            "share of a layer's activations that are saturated",
            "SageMaker Debugger: saturated above one half, of tanh beyond 9.5 and sigmoid beyond 17 to 23",
        ),
        "all_ratio": Threshold(
            0.75,
            "share from the start on, which no learning can explain",
            "half between `ratio` and all: initial weights saturate next to nothing, trained gates up to a half",
        ),
    },
    close_count=64,
    has_layers=True,
)

LOSS_HEAD_MISMATCH = Fault(
    name="loss_head_mismatch",
    category="structure",
    severity="warning",
    scope="rank",
    detector="loss_head_mismatch",
    signals=(signals.LOSS.name, signals.OUTPUT_STDDEV.name),
    context=(
        signals.GRAD_NORM.name,
        signals.LEARNING_RATE.name,
        signals.ACCURACY.name,
        signals.EVAL_ACCURACY.name,
    ),
    summary="The loss is what it cannot be, or does not depend on the network.",
    first_action=(
        "Check that loss, last activation and labels belong together: logits or probabilities, label range, outputs."
    ),
    thresholds={
        "gap": Threshold(
            4.0,
            "interquartile ranges by which a loss had stayed above 0 before it was negative",
            "design of the project: a loss that may be negative crosses 0 gradually",
        ),
        "constant_steps": Threshold(
            64.0,
            "steps from the first on with exactly the same loss",
            "design of the project: with float32, batches that differ give losses that do",
        ),
        "output_ratio": Threshold(
            1e-4,
            "standard deviation of the outputs over its largest value so far",
            "design of the project: what is left where all inputs give one output is rounding",
        ),
    },
    open_count=3,
    open_window=3,
    close_count=16,
)

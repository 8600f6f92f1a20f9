"""Whether the run learns, as the course of its losses tells."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold
from runvitals.values import EventKind

DIVERGENCE = Fault(
    name="divergence",
    category="parameters",
    severity="critical",
    scope="rank",
    detector="divergence",
    signals=(signals.LOSS.name,),
    summary="The loss climbs away from the best it has been and does not come back.",
    first_action=(
        "Stop the run and go back to the checkpoint from before the climb, with the learning rate at a third or less."
    ),
    thresholds={
        "tolerated_ratio": Threshold(
            1.25,
            "loss over its best level from where on it counts, or the loss's noise if that is more",
            "half of a rise to 1.5 times the best level, which is what shall be told",
        ),
        "evidence": Threshold(
            24.0,
            "sum of the logarithms of the loss over its tolerated level, at most 1.5 for each value",
            "1.5 times the best level for half a window of 256 gives 23; half a window is what llm-foundry's "
            "KillLossSpike asks for",
        ),
        "share": Threshold(
            0.05,
            "share of all that was gained that must be lost again",
            "design of the project: near 0 a loss doubles by chance",
        ),
    },
    close_count=8,
)

NOT_LEARNING = Fault(
    name="not_learning",
    category="structure",
    severity="warning",
    scope="rank",
    detector="not_learning",
    signals=(signals.LOSS.name,),
    context=(signals.LEARNING_RATE.name, signals.OUTPUT_STDDEV.name),
    summary="The loss has stayed where it began, or where a guess is.",
    first_action=(
        "Check that the output layer fits the loss and the labels, that parameters are given to the optimizer, and "
        "that the network can overfit a single batch."
    ),
    thresholds={
        "samples": Threshold(512.0, "losses until it is told", "two windows of the series: a slow start is no fault"),
        "gain": Threshold(
            0.01, "fall of the loss that counts as learning", "design of the project: best mean within 1 % of the start"
        ),
        "spread": Threshold(
            0.03,
            "standard deviation of a single loss over its level, above which it may be a good start",
            "measured: networks of small first outputs vary by 1 to 3 % on batches of 8 to 64, fine-tuning by more",
        ),
        "guess_spread": Threshold(0.1, "the same for a loss at the price of a guess", "measured on shuffled labels"),
        "first_step": Threshold(
            100.0, "the first step seen may be as late as this", "a log that writes every hundredth step"
        ),
    },
    close_count=4,
)

PLATEAU = Fault(
    name="plateau",
    category="parameters",
    severity="info",
    scope="rank",
    detector="plateau",
    signals=(signals.LOSS.name,),
    context=(signals.LEARNING_RATE.name,),
    summary="The loss fell, and has stopped falling while the learning rate is still up.",
    first_action="Lower the learning rate by a factor of three to ten, as a plateau schedule would.",
    thresholds={
        "samples": Threshold(1024.0, "losses without a gain, and half of the run", "four windows of the series"),
        "gain": Threshold(0.01, "gain over these that would count", "1 % over the window"),
        "learnt": Threshold(0.05, "share of the starting loss that was gained before", "design of the project"),
        "converged": Threshold(
            0.5, "share of the starting loss at and below which a run counts as converged", "design of the project"
        ),
        "rate_share": Threshold(
            0.1, "share of its largest below which the learning rate is at the end of its schedule", "usual floors"
        ),
    },
    open_count=2,
    open_window=2,
)

OSCILLATION = Fault(
    name="oscillation",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="oscillation",
    signals=(signals.LOSS.name,),
    summary="The loss jumps up and down from step to step and does not fall.",
    first_action="Lower the learning rate to a half, or make the batch larger.",
    thresholds={
        "alternation": Threshold(
            0.7,
            "how strongly neighbouring changes of the loss's logarithm are opposed: 0.5 in noise, 1 in a pure cycle",
            "noise in blocks of 64 values (standard error 0.09, Bartlett) passes it in one of a hundred, and three of "
            "four blocks are needed",
        ),
        "amplitude": Threshold(
            0.1, "root mean square of the change from step to step, as a share of the loss", "design of the project"
        ),
    },
    open_count=3,
    open_window=4,
    close_count=4,
)

OVERFITTING = Fault(
    name="overfitting",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="overfitting",
    signals=(signals.EVAL_LOSS.name,),
    context=(signals.LOSS.name,),
    summary="The evaluation loss rises while the training loss falls.",
    first_action="Stop, and keep the checkpoint of the best evaluation; then regularise or add data.",
    thresholds={
        "rise": Threshold(
            1.1,
            "evaluation loss over its best, as medians of three, the last three being above the best",
            "a gap of 10 %; the row of three is early stopping with a patience of three",
        ),
        "gap": Threshold(1.1, "evaluation loss over training loss", "a gap of 10 %"),
        "train_gain": Threshold(
            0.05, "fall of the training loss since the best evaluation", "design of the project: it must go on falling"
        ),
    },
    close_count=2,
)

RESUME_LOST_STATE = Fault(
    name="resume_lost_state",
    category="structure",
    severity="warning",
    scope="rank",
    detector="resume_lost_state",
    signals=(signals.LOSS.name,),
    events=(EventKind.RUN_STARTED, EventKind.RESUME),
    summary="The run resumed with a loss far above what it had at that step.",
    first_action=(
        "Stop, and resume again with everything that was saved: weights, optimizer, schedule, scaler and data position."
    ),
    thresholds={
        "samples": Threshold(
            32.0, "losses after the resume until it is told", "design of the project: a bump that heals is harmless"
        ),
        "ratio": Threshold(1.05, "loss over the highest around that step before", "design of the project"),
        "deviations": Threshold(
            3.0, "the same, in standard deviations of a single loss", "over eight of the mean that is compared"
        ),
    },
)

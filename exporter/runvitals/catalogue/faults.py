"""The faults runvitals knows, each described once: what detects it, from when on it counts, and what to do first.

Thresholds stand here with their source; a config may override them, and nothing else holds a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from runvitals.catalogue import signals

Category = Literal["data", "parameters", "structure", "infrastructure"]
Severity = Literal["critical", "warning", "info"]
Scope = Literal["rank", "cluster"]


class Threshold(NamedTuple):
    """A number a fault depends on: its default, what it means, and where the default comes from."""

    value: float
    meaning: str
    source: str


class Fault(NamedTuple):
    """One thing that can be wrong.

    `detector` names who watches for it, on each of `signals` (empty: on the rank's events or on the clock), knowing the
    signals of `context` besides. It opens
    when at least `open_count` of the last `open_window` verdicts fire, and closes after `close_count` verdicts in a row
    that do not.
    """

    name: str
    category: Category
    severity: Severity
    scope: Scope
    detector: str
    signals: tuple[str, ...]
    summary: str
    first_action: str
    context: tuple[str, ...] = ()
    thresholds: Mapping[str, Threshold] = {}
    open_count: int = 1
    open_window: int = 1
    close_count: int = 1


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
LOSS_SPIKE = Fault(
    name="loss_spike",
    category="parameters",
    severity="warning",
    scope="rank",
    detector="loss_spike",
    signals=(signals.LOSS.name,),
    summary="The loss is far above its recent level.",
    first_action=(
        "Look at the last two batches; if the loss does not come back within a hundred steps, go back to a checkpoint."
    ),
    thresholds={
        "robust_zscore": Threshold(
            8.0,
            "robust z-score of the logarithm of the loss",
            "six healthy published runs stay at or below 4.5; 8 leaves room for heavy tails",
        ),
        "iqr_factor": Threshold(
            3.0,
            "interquartile ranges above the third quartile",
            "Tukey's outer fence (Exploratory Data Analysis, 1977)",
        ),
        "minimum_ratio": Threshold(
            1.1,
            "loss over the 98th percentile of the window (an outlier's: over the median): what is smaller is harmless",
            "design of the project",
        ),
        "agreement": Threshold(
            0.72,
            "share of robust_zscore that suffices for an outlier from the local level; 5.75 deviations by default",
            "widest margin between bad batches and all else in one recorded run; no false alarm in 116 generated ones",
        ),
    },
    close_count=16,
)
RUN_CRASHED = Fault(
    name="run_crashed",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="run_end",
    signals=(),
    summary="The process ended without finishing its run.",
    first_action=(
        "Read the process's last output and the kernel log (killed for memory?), then restart from the last checkpoint."
    ),
    thresholds={
        "expires_seconds": Threshold(
            86400.0, "closes by itself after so long", "a day: long enough for a night and a morning"
        ),
    },
)
RUN_STALLED = Fault(
    name="run_stalled",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="stall",
    signals=(),
    summary="The process lives but makes no steps.",
    first_action=(
        "Dump the stacks of the process (py-spy dump --pid PID) and of its slowest peer before you kill anything."
    ),
    thresholds={
        "step_factor": Threshold(
            5.0,
            "times the 99th percentile of the step interval",
            "NVIDIA resiliency extension: 5 times what was observed",
        ),
        "minimum_seconds": Threshold(60.0, "never sooner than this", "a checkpoint or an evaluation of a small run"),
        "startup_seconds": Threshold(
            1200.0, "from the start of the run to its first step", "compilation and data loading: 20 minutes"
        ),
    },
)
DUPLICATE_WRITER = Fault(
    name="duplicate_writer",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="duplicate_writer",
    signals=(),
    summary="Two live processes write the same run and rank.",
    first_action="Stop the process that was left over, or give each process a rank or run name of its own.",
)

ALL: tuple[Fault, ...] = (
    NONFINITE_LOSS,
    NONFINITE_GRADIENT,
    GRADIENT_EXPLOSION,
    GRADIENT_EXPLOSION_LIKELY,
    LOSS_SPIKE,
    RUN_CRASHED,
    RUN_STALLED,
    DUPLICATE_WRITER,
)
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in ALL}

"""What can be wrong with the data that goes in."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold
from runvitals.values import EventKind

INPUT_UNSCALED = Fault(
    name="input_unscaled",
    category="data",
    severity="warning",
    scope="rank",
    detector="input_unscaled",
    signals=(signals.INPUT_MEAN.name, signals.INPUT_STDDEV.name),
    summary="The input is far from zero mean and unit variance.",
    first_action="Standardise the input: subtract the mean and divide by the standard deviation of the training data.",
    thresholds={
        "size": Threshold(
            10.0,
            "absolute mean or standard deviation of the input",
            "ten times what initial weights are made for (zero mean, unit variance: LeCun et al., Efficient BackProp)",
        ),
    },
    open_count=3,
    open_window=3,
    close_count=8,
)

BAD_INPUT = Fault(
    name="bad_input",
    category="data",
    severity="warning",
    scope="rank",
    detector="bad_input",
    signals=(
        signals.INPUT_NONFINITE_RATIO.name,
        signals.INPUT_MISSING_RATIO.name,
        signals.INPUT_CONSTANT_RATIO.name,
        signals.BATCH_FINGERPRINT.name,
    ),
    summary="The input is damaged: not finite, missing, constant, or the same batch again and again.",
    first_action="Find the shard or the file that these batches came from, set it aside, and repair the reader.",
    thresholds={
        "sigmas": Threshold(
            3.0,
            "standard deviations of a share by which the mean of 8 steps lies above its past",
            "the rule of three sigma, on a mean",
        ),
        "missing_rise": Threshold(
            0.05, "rise of the share of missing values that matters", "design of the project: one value in twenty"
        ),
        "constant_rise": Threshold(
            0.25,
            "rise of the share of constant features that matters",
            "design of the project: small batches have some by chance",
        ),
    },
    # A damaged shard among others comes again and again: one finding.
    close_count=128,
)

BAD_BATCH = Fault(
    name="bad_batch",
    category="data",
    severity="info",
    scope="rank",
    detector="bad_batch",
    signals=(signals.LOSS.name,),
    context=(
        signals.GRAD_NORM.name,
        signals.INPUT_MEAN.name,
        signals.INPUT_STDDEV.name,
        signals.INPUT_NONFINITE_RATIO.name,
        signals.INPUT_MISSING_RATIO.name,
    ),
    summary="A single batch made the loss jump, and it came back.",
    first_action="Look at this batch; where such batches come again, filter the data, or clip the gradient.",
    thresholds={
        "zscore": Threshold(
            8.0,
            "robust z-score of the logarithm of the loss, and of the gradient norm, which must agree",
            "as for loss_spike; six healthy published runs show no joint spike of both above 6",
        ),
        "alone_zscore": Threshold(
            8.0, "robust z-score of the loss where no gradient norm is logged", "the same runs stay at or below 4.5"
        ),
        "minimum_ratio": Threshold(
            1.1,
            "loss over the 98th percentile of the window: what is smaller, or comes every fifty steps, is harmless",
            "design of the project, as for loss_spike",
        ),
    },
    close_count=16,
    events=(EventKind.BATCH,),
)

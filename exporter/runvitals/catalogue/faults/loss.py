"""What the course of the loss tells."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

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
        "rare_deviations": Threshold(
            2.0,
            "robust deviations that an outlier lies above the 98th percentile of the window",
            "what comes every fifty steps is usual: design of the project",
        ),
        "harmless": Threshold(
            0.1,
            "share of the loss that the run began with, below which no loss is harm",
            "design of the project, as for bad_batch: nine tenths of what there was to learn are still learned",
        ),
    },
    close_count=16,
)

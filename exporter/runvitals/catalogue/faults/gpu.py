"""What can be wrong with a GPU."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold
from runvitals.values import EventKind

GPU_FAULT = Fault(
    name="gpu_fault",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="gpu_fault",
    signals=(
        signals.GPU_XID.name,
        signals.GPU_UNCORRECTED_ECC_ERRORS.name,
        signals.GPU_ROW_REMAP_FAILURES.name,
        signals.GPU_THROTTLED.name,
    ),
    context=(signals.GPU_CLOCK.name, signals.GPU_TEMPERATURE.name),
    summary="A GPU reports an error of its hardware, or is slowed down by heat or power.",
    first_action="Save a checkpoint, move the run off this GPU, then drain the node and have the GPU tested.",
    thresholds={
        "throttled": Threshold(
            0.5, "share of each of ten minutes in which the GPU was slowed down", "design of the project: half the time"
        ),
        "clock_ratio": Threshold(
            0.8, "clock over the median of its past while slowed down", "design of the project: a slow node is 1.25"
        ),
        "celsius": Threshold(
            87.0, "temperature that explains the throttling", "data-centre GPUs slow down between 85 and 90 degrees"
        ),
        "hold_seconds": Threshold(
            3600.0, "seconds for which an error counts after it was reported", "an hour: long enough to be acted on"
        ),
    },
    has_layers=True,
    events=(EventKind.XID,),
)

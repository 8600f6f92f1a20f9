"""What can be wrong with the memory of a process and of its GPUs."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold
from runvitals.values import EventKind

MEMORY_LEAK = Fault(
    name="memory_leak",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="memory_leak",
    signals=(signals.MEMORY_RSS.name, signals.MEMORY_USS.name, signals.GPU_MEMORY_USED.name),
    context=(signals.MEMORY_LIMIT.name, signals.MEMORY_UTILIZATION.name, signals.GPU_MEMORY_UTILIZATION.name),
    summary="Memory grows steadily and does not level off.",
    first_action="Save a checkpoint, then find what is kept from step to step: losses with their graph, lists, caches.",
    thresholds={
        "minimum_bytes": Threshold(
            2.0**30, "growth in bytes that counts", "allocators and caches of a healthy process vary by less in hours"
        ),
        "limit_share": Threshold(0.05, "growth as a share of the limit that counts", "5 points of the limit"),
        "horizon_seconds": Threshold(
            604800.0, "seconds within which the limit would be reached, where it is known", "a week of training"
        ),
    },
    close_count=15,
    has_layers=True,
)

MEMORY_PRESSURE = Fault(
    name="memory_pressure",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="memory_pressure",
    signals=(signals.MEMORY_UTILIZATION.name, signals.GPU_MEMORY_UTILIZATION.name),
    summary="Memory is nearly used up, or was.",
    first_action="Save a checkpoint, then lower the batch size or the number of loader workers before memory runs out.",
    thresholds={
        "share": Threshold(
            0.92, "share of the process's memory limit in use", "warn level in use by training monitors: 0.92"
        ),
        "gpu_share": Threshold(
            0.97, "share of a GPU's memory in use", "critical level in use by training monitors: 0.97"
        ),
        "gpu_rise": Threshold(
            0.05, "rise over the GPU's own past", "design of the project: reserved memory is steadily full and no fault"
        ),
    },
    close_count=3,
    has_layers=True,
    events=(EventKind.OUT_OF_MEMORY, EventKind.KILLED),
)

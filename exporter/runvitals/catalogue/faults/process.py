"""What can happen to the process of a rank."""

from __future__ import annotations

from runvitals.catalogue.faults.fault import Fault, Threshold

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

HANG = Fault(
    name="hang",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="hang",
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

"""What makes a run slow."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

INPUT_BOUND = Fault(
    name="input_bound",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="input_bound",
    signals=(signals.DATA_SECONDS.name,),
    context=(signals.STEP_SECONDS.name,),
    summary="The run waits for its input for a good part of its time.",
    first_action="Raise the number of loader workers and the prefetch depth, then time the slowest stage of the input.",
    thresholds={
        "share": Threshold(
            0.2,
            "share of a step that is spent waiting for input, in a block of 32 steps without its two longest waits",
            "warn levels in use by step profilers are 0.1 and 0.2; the higher one",
        ),
        "minimum_seconds": Threshold(
            0.002, "seconds a step waits at least", "design of the project: below, a clock and a loop are measured"
        ),
    },
    open_count=3,
    open_window=4,
    close_count=3,
)

THROUGHPUT_DROP = Fault(
    name="throughput_drop",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="throughput_drop",
    signals=(signals.TOKENS_PER_SECOND.name, signals.SAMPLES_PER_SECOND.name, signals.STEP_SECONDS.name),
    summary="The run has been far slower than before for minutes.",
    first_action="See which part of the step has grown (input, compute, communication), and look at that machine.",
    thresholds={
        "ratio": Threshold(
            0.6, "throughput over the median of its past", "design of the project: well beyond the 1.25 of a slow node"
        ),
        "usual_ratio": Threshold(
            0.8, "throughput over the 5th percentile of its past", "design of the project: what comes back is usual"
        ),
    },
    close_count=4,
)

FAIL_SLOW = Fault(
    name="fail_slow",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="fail_slow",
    signals=(signals.STEP_SECONDS.name, signals.COMPUTE_SECONDS.name),
    context=(signals.TOKENS_PER_SECOND.name, signals.SAMPLES_PER_SECOND.name),
    summary="Steps have become slower and stay so.",
    first_action="Look at the GPU clocks, temperature and network of the slowest rank, and move it away.",
    thresholds={
        "ratio": Threshold(
            1.25,
            "duration of a step over the median of the run's past",
            "Greyhound found slow-downs of a third on average in 16 of 27 large jobs; 1.25 is below them",
        ),
        "usual_ratio": Threshold(
            1.1,
            "duration of a step over the 95th percentile of the past",
            "design of the project: what comes back is usual",
        ),
    },
    close_count=3,
)

LOW_UTILISATION = Fault(
    name="low_utilisation",
    category="infrastructure",
    severity="info",
    scope="rank",
    detector="low_utilisation",
    signals=(signals.GPU_UTILIZATION.name,),
    context=(signals.STEP_SECONDS.name, signals.LOSS.name),
    summary="A GPU is mostly idle while its run makes steps.",
    first_action="Profile some steps: input, launch overhead of small kernels, or a batch that is too small.",
    thresholds={
        "p95": Threshold(
            0.7,
            "95th percentile of the utilisation over half an hour of steps",
            "SageMaker Debugger, rule LowGPUUtilization: threshold_p95 70",
        ),
    },
    open_count=5,
    open_window=5,
    close_count=5,
    has_layers=True,
)

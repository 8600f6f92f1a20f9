"""What only a comparison of ranks shows: Prometheus sees it, by the rules in `cluster.yml`."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

STRAGGLER = Fault(
    name="straggler",
    category="infrastructure",
    severity="warning",
    scope="cluster",
    detector="",
    signals=(signals.COMPUTE_SECONDS.name, signals.DATA_SECONDS.name),
    summary="One rank holds up the others.",
    first_action="Look at the GPU clocks, temperature and input of that rank; move it away if it stays slow.",
    thresholds={
        "excess": Threshold(
            1 / 3,
            "time before the first collective over that of the fastest rank, as a share of it",
            "NVIDIA's resiliency extension: a relative performance below 0.75",
        ),
        "minimum_seconds": Threshold(0.01, "the same in seconds, at least", "design of the project: less is noise"),
        "input_share": Threshold(
            0.25,
            "waiting for input over that of the rank that waits least, as a share of a step",
            "design of the project",
        ),
    },
)

REPLICA_DIVERGENCE = Fault(
    name="replica_divergence",
    category="structure",
    severity="critical",
    scope="cluster",
    detector="",
    signals=(signals.PARAMETER_CHECKSUM.name,),
    summary="Replicas that should be equal have different parameters.",
    first_action="Stop the run, find the rank that differs, and go back to the last checkpoint where all agreed.",
    thresholds={
        "relative": Threshold(
            1e-6,
            "difference of the checksums beside their size",
            "design of the project: sums of equal numbers are equal",
        )
    },
)

RESTART_STORM = Fault(
    name="restart_storm",
    category="infrastructure",
    severity="critical",
    scope="cluster",
    detector="",
    signals=(),
    summary="A run starts again and again.",
    first_action="Stop the chain of restarts, and read why the process ended the first time.",
    thresholds={
        "restarts": Threshold(3.0, "starts of one rank in 30 minutes, beside the first", "design of the project")
    },
)

MISSING_RANKS = Fault(
    name="missing_ranks",
    category="infrastructure",
    severity="warning",
    scope="cluster",
    detector="",
    signals=(),
    summary="Some ranks of a run are not seen.",
    first_action="See which ranks are missing, and whether their processes and the sidecars beside them run.",
    thresholds={
        "share": Threshold(
            0.5,
            "of the ranks that must be seen, where none was seen that is gone",
            "design of the project: whoever watches one rank of each machine is well",
        )
    },
)

STEP_DRIFT = Fault(
    name="step_drift",
    category="infrastructure",
    severity="warning",
    scope="cluster",
    detector="",
    signals=(),
    summary="The ranks of a run are at steps far apart.",
    first_action="Find the rank that lags, read its stacks, and see whether it still takes part in the collectives.",
    thresholds={
        "seconds": Threshold(
            60.0,
            "of work between the foremost rank and the slowest",
            "design of the project: beyond any scrape interval",
        ),
        "steps": Threshold(3.0, "the same in steps", "design of the project"),
    },
)

REPLICA_OUTLIER = Fault(
    name="replica_outlier",
    category="infrastructure",
    severity="warning",
    scope="cluster",
    detector="",
    signals=(
        signals.REQUEST.name,
        signals.TIME_TO_FIRST_TOKEN.name,
        signals.TIME_PER_OUTPUT_TOKEN.name,
        signals.ERROR_RATIO.name,
        signals.REQUESTS_PER_SECOND.name,
        signals.OUTPUT_TOKENS_PER_SECOND.name,
    ),
    summary="One replica of a server is unlike the others.",
    first_action="Take that replica out of the load balancer; compare its version, hardware and log with another's.",
    thresholds={
        "latency_ratio": Threshold(2.0, "latency over that of the median replica", "design of the project"),
        "latency_seconds": Threshold(0.02, "added to that", "design of the project: less is noise"),
        "error_share": Threshold(0.05, "errors beyond those of the median replica", "design of the project"),
        "throughput_ratio": Threshold(0.5, "throughput beside that of the median replica", "design of the project"),
    },
)

"""What only a comparison of ranks shows: Prometheus sees it, by the rules in `cluster.yml`."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault

STRAGGLER = Fault(
    name="straggler",
    category="infrastructure",
    severity="warning",
    scope="cluster",
    detector="",
    signals=(signals.COMPUTE_SECONDS.name, signals.DATA_SECONDS.name),
    summary="One rank holds up the others.",
    first_action="Look at the GPU clocks, temperature and input of that rank; move it away if it stays slow.",
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
)

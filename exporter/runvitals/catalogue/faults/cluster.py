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

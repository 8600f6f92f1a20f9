"""Which dashboard shows a fault, and the link to it."""

from __future__ import annotations

from runvitals.catalogue import faults
from runvitals.catalogue.faults import Fault, gpu, memory, process, server

GRAFANA = "https://grafana.example.com"

_TRAINING = "runvitals-run"
_OTHER_MODULES = {
    server: "runvitals-server",
    gpu: "runvitals-gpu",
    memory: "runvitals-rank",
    process: "runvitals-rank",
}
_OTHERS = {faults.LOW_UTILISATION.name: "runvitals-gpu", faults.REPLICA_OUTLIER.name: "runvitals-server"}


def dashboard_url(fault: Fault) -> str:
    """Return the link to the dashboard of a fault's alert: a template that fills in run and rank, whatever they hold.

    What concerns one process is shown for it alone; training and comparisons are shown for all ranks of the run.
    """
    uid = _OTHERS.get(fault.name) or next(
        (uid for module, uid in _OTHER_MODULES.items() if fault in vars(module).values()), _TRAINING
    )
    is_of_all = uid == _TRAINING or fault.scope == "cluster"
    variables = ("run",) if is_of_all else ("run", "rank")
    return f"{GRAFANA}/d/{uid}?" + "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in variables)

"""Which dashboard shows a fault, and the link to it."""

from __future__ import annotations

from runvitals.catalogue.faults import Fault, gpu, memory, process, server

GRAFANA = "https://grafana.example.com"

_MEMBERS = {
    "runvitals-server": {*vars(server)},
    "runvitals-gpu": {*vars(gpu), "LOW_UTILISATION"},
    "runvitals-rank": {*vars(memory), *vars(process)},
}
_OF_ALL_RANKS = {"REPLICA_OUTLIER": "runvitals-server"}


def dashboard_url(fault: Fault) -> str:
    """Return the link to the dashboard of a fault's alert: a template that fills in run and rank, whatever they hold.

    What concerns one process is shown for it alone; training and comparisons are shown for all ranks of the run.
    """
    if fault.scope == "cluster":
        return _link(_OF_ALL_RANKS.get(fault.name.upper(), "runvitals-run"), "run")
    for uid, names in _MEMBERS.items():
        if fault.name.upper() in names:
            return _link(uid, "run", "rank")
    return _link("runvitals-run", "run")


def _link(uid: str, *variables: str) -> str:
    values = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in variables)
    return f"{GRAFANA}/d/{uid}?{values}"

"""The alerts on faults: their names and labels, and where their runbooks are.

The rules of Prometheus and the fast path both rest on this: one fault has one alert, whichever way it comes.
"""

from __future__ import annotations

from types import ModuleType
from urllib.parse import quote_plus

from runvitals.catalogue import faults, metrics
from runvitals.catalogue.faults import gpu, memory, process, server

RUNBOOKS = "https://github.com/runvitals/runvitals/blob/main/prometheus/runbooks.md"
LABELS = metrics.FAULT
"""The labels that the rule of a fault keeps, beside `alertname`; those of the target (job, instance) it does not."""


def alert_name(fault: str) -> str:
    """Return the name of a fault's alert: gradient_explosion is told by RunvitalsGradientExplosion."""
    return "Runvitals" + "".join(word.capitalize() for word in fault.split("_"))


def runbook_url(alert: str, runbooks: str = RUNBOOKS) -> str:
    """Return where the section of an alert is."""
    return f"{runbooks}#{alert}"


def dashboard_url(grafana: str, fault: str, run: str, rank: str) -> str:
    """Return where Grafana shows a fault, whatever the names of run and rank hold.

    What concerns one process is shown for it alone; training and comparisons are shown for all ranks of the run.
    """
    uid = next((uid for uid, names in _OF_A_RANK.items() if fault in names), None)
    place = f"{grafana.rstrip('/')}/d/{uid or 'runvitals-run'}?var-run={quote_plus(run)}"
    return f"{place}&var-rank={quote_plus(rank)}" if uid else place


def _names(*modules: ModuleType) -> frozenset[str]:
    found = (value for module in modules for value in vars(module).values())
    return frozenset(value.name for value in found if isinstance(value, faults.Fault) and value.scope == "rank")


_OF_A_RANK = {
    "runvitals-server": _names(server),
    "runvitals-gpu": _names(gpu) | {"low_utilisation"},
    "runvitals-rank": _names(memory, process),
}

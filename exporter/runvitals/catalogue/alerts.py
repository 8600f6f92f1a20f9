"""The alerts on faults: their names and labels, and where their runbooks and dashboards are.

The rules of Prometheus, the fast path and the status page all rest on this: one fault has one alert, whichever way it
comes.
"""

from __future__ import annotations

import re
from types import ModuleType

from runvitals.catalogue import faults, metrics
from runvitals.catalogue.faults import gpu, memory, process, server

RUNBOOKS = "https://github.com/runvitals/runvitals/blob/main/prometheus/runbooks.md"
GRAFANA = "https://grafana.example.com"
LABELS = metrics.FAULT
"""The labels that the rule of a fault keeps, beside `alertname`; those of the target (job, instance) it does not."""

_TRAINING = "runvitals-run"
_LINK = re.compile(r"https?://[^\s\"'<>{}`|\\^]+")


def alert_name(fault: str) -> str:
    """Return the name of a fault's alert: gradient_explosion is told by RunvitalsGradientExplosion."""
    return "Runvitals" + "".join(word.capitalize() for word in fault.split("_"))


def check_link(name: str, link: str) -> None:
    """Raise ValueError where what a setting of this name holds is no address to link to."""
    if not _LINK.fullmatch(link):
        raise ValueError(f"{name} must begin with http:// or https:// and hold no spaces, not {link!r}")


def runbook_url(alert: str, runbooks: str = RUNBOOKS) -> str:
    """Return where the section of an alert is."""
    return f"{runbooks}#{alert}"


def dashboard_url(fault: str, run: str, rank: str, grafana: str = GRAFANA) -> str:
    """Return where Grafana shows a fault; `run` and `rank` are quoted for a URL, or templates that will be.

    What concerns one process is shown for it alone; training and comparisons are shown for all ranks of the run.
    """
    uid = next((uid for uid, names in _OTHERS.items() if fault in names), _TRAINING)
    place = f"{grafana.rstrip('/')}/d/{uid}?var-run={run}"
    is_of_all = uid == _TRAINING or faults.BY_NAME[fault].scope == "cluster"
    return place if is_of_all else f"{place}&var-rank={rank}"


def _names(*modules: ModuleType) -> frozenset[str]:
    found = (value for module in modules for value in vars(module).values())
    return frozenset(value.name for value in found if isinstance(value, faults.Fault))


_OTHERS = {
    "runvitals-server": _names(server) | {faults.REPLICA_OUTLIER.name},
    "runvitals-gpu": _names(gpu) | {faults.LOW_UTILISATION.name},
    "runvitals-rank": _names(memory, process),
}

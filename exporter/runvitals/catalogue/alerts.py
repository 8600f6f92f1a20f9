"""The alerts on faults: their names and labels, and where their runbooks are.

The rules of Prometheus and the fast path both rest on this: one fault has one alert, whichever way it comes.
"""

from __future__ import annotations

from urllib.parse import quote_plus

from runvitals.catalogue import metrics

RUNBOOKS = "https://github.com/runvitals/runvitals/blob/main/prometheus/runbooks.md"
LABELS = metrics.FAULT
"""The labels that the rule of a fault keeps, beside `alertname`; those of the target (job, instance) it does not."""


def alert_name(fault: str) -> str:
    """Return the name of a fault's alert: gradient_explosion is told by RunvitalsGradientExplosion."""
    return "Runvitals" + "".join(word.capitalize() for word in fault.split("_"))


def runbook_url(alert: str, runbooks: str = RUNBOOKS) -> str:
    """Return where the section of an alert is."""
    return f"{runbooks}#{alert}"


def dashboard_url(dashboard: str, run: str) -> str:
    """Return where the dashboard shows a run, whatever its name holds."""
    return f"{dashboard}?var-run={quote_plus(run)}"

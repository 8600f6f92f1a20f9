"""The alert of each fault, and where its section of the runbooks stands."""

from __future__ import annotations

from runvitals.catalogue.faults.fault import Fault

RUNBOOKS = "https://github.com/runvitals/runvitals/blob/main/prometheus/runbooks.md"


def alert_name(fault: Fault) -> str:
    """Return the name of a fault's alert: gradient_explosion is told by RunvitalsGradientExplosion."""
    return "Runvitals" + "".join(word.capitalize() for word in fault.name.split("_"))


def runbook_url(fault: Fault) -> str:
    """Return where the section of the fault's alert is."""
    return f"{RUNBOOKS}#{alert_name(fault)}"

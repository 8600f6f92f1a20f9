"""The alert of a drill: in everything the alert on a fault, but that it says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from runvitals.catalogue.faults import Fault
from runvitals.sinks.alertmanager.alert import Alert, alert_of
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.values import Evidence, Finding

RUN = "runvitals-drill"
NOTE = "This is a drill: nothing is wrong."


def drill_alert(
    fault: Fault, settings: AlertmanagerSettings, runbooks: str, labels: Mapping[str, str], now: float
) -> Alert:
    """Return the alert, of a run of its own: it mutes no real one, and a second drill is told like the first."""
    finding = Finding(
        id="drill",
        fault=fault.name,
        category=fault.category,
        severity=fault.severity,
        run=f"{RUN}-{datetime.fromtimestamp(now, timezone.utc):%Y%m%d-%H%M%S}",
        rank="0",
        opened_time=now,
        opened_step=None,
        confidence=1.0,
        evidence=[Evidence(NOTE)],
        first_action=f"Nothing: it is a drill. Of a real one: {fault.first_action}",
    )
    alert = alert_of(finding, settings, runbooks)
    marked = {**alert.annotations, "summary": f"DRILL. {alert.annotations['summary']}"}
    return Alert({**labels, **alert.labels, "drill": "true"}, marked)

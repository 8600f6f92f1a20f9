"""What Prometheus itself finds: ranks that differ, runs that restart, and watchers that are down."""

from __future__ import annotations

from grafana.build import incidents
from grafana.build.links import Boards
from grafana.build.panels import Json

_ALERTS = "ALERTS"
"""The series that Prometheus keeps of its alerts."""
_FIRING = ('alertstate="firing"', 'alertname=~"Runvitals.+"', 'fault=""')
"""Those of a sidecar's findings, which have a fault, are shown as such."""


def of_runs(labels: tuple[str, ...], runs: str) -> Json:
    """Return the alerts that compare the ranks of a run, over time, a line for each value of the labels."""
    return incidents.timeline(
        "What only the ranks together show",
        "The alerts of Prometheus that compare the ranks of a run, or its starts, while they fired. No line: none did.",
        incidents.worst_severity(_ALERTS, ", ".join(labels), *_FIRING, runs),
        labels,
        "over",
        Boards.TRAINING,
    )


def of_watchers() -> Json:
    """Return the alerts on the sidecars and on the way of an alert, over time."""
    return incidents.timeline(
        "The watchers themselves",
        "The alerts of Prometheus on sidecars, sources and the way of an alert, while they fired. No line: none did.",
        incidents.worst_severity(_ALERTS, "alertname, instance", *_FIRING, 'run=""'),
        ("alertname", "instance"),
        "over",
        Boards.SIDECAR,
    )

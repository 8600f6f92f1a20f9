"""What Prometheus itself finds: ranks that differ, runs that restart, and watchers that are down."""

from __future__ import annotations

from grafana.build import incidents
from grafana.build.alerts import alert_names
from grafana.build.links import Boards
from grafana.build.panels import Json

_ALERTS = "ALERTS"
"""The series that Prometheus keeps of its alerts."""


def timeline(title: str, file: str, labels: tuple[str, ...], *matchers: str) -> Json:
    """Return the alerts of a file of rules that fired over time, a line for each value of the labels."""
    names = f'alertname=~"{"|".join(alert_names(file))}"'
    return incidents.timeline(
        title,
        "The alerts that fired, by severity; of: " + ", ".join(alert_names(file)) + ". No line: none of them fired.",
        incidents.worst_severity(_ALERTS, ", ".join(labels), 'alertstate="firing"', names, *matchers),
        labels,
        "over",
        Boards.TRAINING if "run" in labels else Boards.SIDECAR,
    )

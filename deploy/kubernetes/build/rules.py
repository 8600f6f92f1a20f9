"""A file of rules as a PrometheusRule of the Prometheus operator."""

from __future__ import annotations

from typing import Any

import yaml


def prometheus_rule(name: str, text: str) -> dict[str, Any]:
    """Return the object for the text of a file of rules. Its groups are the file's."""
    labels = {"app.kubernetes.io/name": "runvitals", "app.kubernetes.io/component": "rules"}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"runvitals-{name}", "labels": labels},
        "spec": yaml.safe_load(text),
    }

"""prometheus.yml with addresses filled in."""

from __future__ import annotations

from runvitals.bundle.values import Values
from runvitals.bundle.yaml_edit import edited

_TIMEOUT_SECONDS = 10


def fill_prometheus(text: str, values: Values) -> str:
    """Return prometheus.yml for the addresses of the values."""
    given = values.prometheus
    changes: dict[str, object] = {
        "global.scrape_interval": f"{given.interval_seconds}s",
        "global.scrape_timeout": f"{min(given.interval_seconds, _TIMEOUT_SECONDS)}s",
        "global.evaluation_interval": f"{given.interval_seconds}s",
        "alerting.alertmanagers[0].static_configs[0].targets": given.alertmanagers,
        "scrape_configs[0].static_configs[0].targets": given.targets,
    }
    if values.cluster:
        changes["global.external_labels"] = {"cluster": values.cluster}
    return edited(text, changes)

"""prometheus.yml with addresses filled in."""

from __future__ import annotations

import yaml

from runvitals.bundle.values import Values
from runvitals.bundle.yaml_edit import edited

_TIMEOUT_SECONDS = 10


def fill_prometheus(text: str, large_cluster: str, values: Values) -> str:
    """Return prometheus.yml for the addresses of the values; with the lines for a large cluster if they ask for it."""
    given = values.prometheus
    changes: dict[str, object] = {
        "global.scrape_interval": f"{given.interval_seconds}s",
        "global.scrape_timeout": f"{min(given.interval_seconds, _TIMEOUT_SECONDS)}s",
        "global.evaluation_interval": f"{given.interval_seconds}s",
        "alerting.alertmanagers[0].static_configs[0].targets": given.alertmanagers,
        "scrape_configs[0].static_configs[0].targets": given.targets,
        "scrape_configs[2].static_configs[0].targets": given.alertmanagers,
    }
    if given.large_cluster:
        kept = yaml.safe_load(large_cluster)
        changes["scrape_configs[0].metric_relabel_configs"] = kept["metric_relabel_configs"]
    if values.cluster:
        changes["global.external_labels"] = {"cluster": values.cluster}
    return edited(text, changes)

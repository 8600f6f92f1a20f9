"""prometheus.yml and the rules, with addresses and thresholds filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runvitals.bundle.values import Values
from runvitals.bundle.yaml_edit import edited
from runvitals.diagnosis.settings import FaultSettings

_TIMEOUT_SECONDS = 10
_MARKED = re.compile(
    r"(?P<number>[0-9][0-9./ ]*[0-9]|[0-9]+)(?P<mark>  # (?P<fault>[a-z_]+)\.(?P<name>[a-z_]+))$", re.MULTILINE
)
"""A number at the end of a line of PromQL, and a comment that says which threshold of the catalogue it is."""


def fill_prometheus(text: str, values: Values) -> str:
    """Return prometheus.yml for the addresses of the values."""
    given = values.prometheus
    changes: dict[str, object] = {
        "global.scrape_interval": f"{given.interval_seconds}s",
        "global.scrape_timeout": f"{min(given.interval_seconds, _TIMEOUT_SECONDS)}s",
        "global.evaluation_interval": f"{given.interval_seconds}s",
        "alerting.alertmanagers[0].static_configs[0].targets": given.alertmanagers,
        "scrape_configs[0].static_configs[0].targets": given.targets,
        "scrape_configs[2].static_configs[0].targets": given.alertmanagers,
    }
    if values.cluster:
        changes["global.external_labels"] = {"cluster": values.cluster}
    return edited(text, changes)


def fill_thresholds(text: str, settings: Mapping[str, FaultSettings]) -> str:
    """Return a file of rules in which thresholds of faults that Prometheus judges have the values given."""

    def filled(match: re.Match[str]) -> str:
        given = settings.get(match["fault"])
        value = given.thresholds.get(match["name"]) if given else None
        return match[0] if value is None else f"{value:g}{match['mark']}"

    return _MARKED.sub(filled, text)

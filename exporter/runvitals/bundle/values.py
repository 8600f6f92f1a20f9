"""What a user fills into the bundle: addresses, receivers, links and thresholds; all of it has the shipped default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from runvitals.bundle.addresses import check_address
from runvitals.bundle.alertmanager_values import AlertmanagerValues
from runvitals.bundle.thresholds import check_thresholds, judged_by_sidecars
from runvitals.catalogue.alerts import GRAFANA, RUNBOOKS, check_link
from runvitals.config.conversion import convert
from runvitals.config.file import check_faults
from runvitals.config.yaml_file import Document, read
from runvitals.diagnosis.settings import FaultSettings
from runvitals.settings import Settings


class PrometheusValues(Settings, frozen=True):
    """Where the sidecars and the Alertmanagers are, and how often is looked.

    With `large_cluster` Prometheus keeps of each page only what prometheus/large_cluster.yml leaves.
    """

    targets: list[str] = msgspec.field(default_factory=lambda: ["localhost:9877"])
    alertmanagers: list[str] = msgspec.field(default_factory=lambda: ["localhost:9093"])
    interval_seconds: int = 15
    large_cluster: bool = False

    def __post_init__(self) -> None:
        """Refuse addresses that are none."""
        for address in self.targets:
            check_address(address, 9877)
        for address in self.alertmanagers:
            check_address(address, 9093)
        if not 1 <= self.interval_seconds <= 60:
            raise ValueError(f"interval_seconds must be from 1 to 60, not {self.interval_seconds}")


class Values(Settings, frozen=True):
    """All values.

    `cluster` is the name of this Prometheus beside others. `faults` are thresholds, as in the sidecar's config: those
    that a sidecar judges go into a config for the sidecars, those that compare ranks into the rules.
    """

    cluster: str = ""
    grafana_url: str = GRAFANA
    runbook_url: str = RUNBOOKS
    prometheus: PrometheusValues = PrometheusValues()
    alertmanager: AlertmanagerValues = AlertmanagerValues()
    faults: dict[str, FaultSettings] = {}

    def __post_init__(self) -> None:
        """Refuse links that are none."""
        for name, link in (("grafana_url", self.grafana_url), ("runbook_url", self.runbook_url)):
            check_link(name, link)


def load_values(path: Path | None, *, check_files: bool = True) -> Values:
    """Return the values of a file, checked; the defaults without a file. Raises ConfigError.

    With `check_files`, the secret files that it names must be there.
    """
    document = read(path) if path else Document("defaults", {}, {})
    values = convert(document, Values)
    check_faults(document, judged_by_sidecars(values.faults))
    check_thresholds(document, values.faults)
    if check_files:
        _check_secret_files(document)
    return _with_templates_found(document, values, path.parent if path else Path())


def _with_templates_found(document: Document, values: Values, folder: Path) -> Values:
    """Return the values with the whole paths of the templates, which are given from the folder of the file."""
    paths = [folder / template for template in values.alertmanager.templates]
    for number, path in enumerate(paths):
        if not path.is_file():
            raise document.error(f"alertmanager.templates[{number}]", f"{path} is not there")
    alertmanager = msgspec.structs.replace(values.alertmanager, templates=[str(path) for path in paths])
    return msgspec.structs.replace(values, alertmanager=alertmanager)


def _check_secret_files(document: Document) -> None:
    for place, key, value in _entries(document.data, ""):
        if key.endswith("_file") and isinstance(value, str) and value and not Path(value).is_file():
            problem = f"{value!r} is not there: create it, or give --secrets-elsewhere if it lies on another machine"
            raise document.error(place, problem)


def _entries(data: Any, path: str) -> list[tuple[str, str, Any]]:
    if isinstance(data, dict):
        pairs = [(f"{path}.{key}" if path else str(key), str(key), value) for key, value in data.items()]
    elif isinstance(data, list):
        pairs = [(f"{path}[{index}]", "", value) for index, value in enumerate(data)]
    else:
        return []
    return pairs + [entry for place, _, value in pairs for entry in _entries(value, place)]

"""The files of the bundle with the values filled in."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from runvitals import __version__
from runvitals.bundle.alertmanager import OWN_TEMPLATES, fill_alertmanager
from runvitals.bundle.prometheus import fill_prometheus
from runvitals.bundle.shipped import shipped_files
from runvitals.bundle.thresholds import fill_thresholds, judged_by_sidecars
from runvitals.bundle.values import Values
from runvitals.catalogue.alerts import GRAFANA, RUNBOOKS
from runvitals.diagnosis.settings import FaultSettings

_NOTE = f"# Written by `runvitals bundle`, version {__version__}: change the values, and write it again.\n"
_RULES, _PROMETHEUS, _ALERTMANAGER = "prometheus/rules/", "prometheus/prometheus.yml", "alertmanager/alertmanager.yml"
_LARGE_CLUSTER = "prometheus/large_cluster.yml"


def bundle_files(values: Values) -> dict[str, str]:
    """Return the text of each file by its path in the folder that the bundle is written into. Raises OSError."""
    shipped = {path: text for path, text in shipped_files().items() if not path.startswith("prometheus/tests/")}
    files = {path: _linked(text, values) for path, text in shipped.items()}
    for path in files:
        if path.startswith(_RULES):
            files[path] = _NOTE + fill_thresholds(files[path], values.faults)
    files[_PROMETHEUS] = _NOTE + fill_prometheus(files[_PROMETHEUS], files[_LARGE_CLUSTER], values)
    files[_ALERTMANAGER] = _NOTE + fill_alertmanager(files[_ALERTMANAGER], values.alertmanager)
    for template in values.alertmanager.templates:
        files[f"alertmanager/{OWN_TEMPLATES}/{Path(template).name}"] = Path(template).read_text(encoding="utf-8")
    return files | _sidecar_file(values)


def _linked(text: str, values: Values) -> str:
    text = text.replace(GRAFANA, values.grafana_url.rstrip("/"))
    return text.replace(RUNBOOKS, values.runbook_url)


def _sidecar_file(values: Values) -> dict[str, str]:
    """Return the config for the sidecars: runbooks, and the faults they judge; none where there is nothing to say."""
    here = {name: _given(fault) for name, fault in judged_by_sidecars(values.faults).items()}
    links = {} if values.runbook_url == RUNBOOKS else {"runbook_url": values.runbook_url}
    said = {room: settings for room, settings in (("web", links), ("faults", here)) if settings}
    return {"sidecar/runvitals.yml": _NOTE + yaml.safe_dump(said, sort_keys=False)} if said else {}


def _given(settings: FaultSettings) -> dict[str, object]:
    usual = msgspec.to_builtins(FaultSettings())
    return {name: value for name, value in msgspec.to_builtins(settings).items() if value != usual[name]}

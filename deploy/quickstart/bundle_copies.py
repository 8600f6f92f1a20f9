"""Copies of the shipped Prometheus and Alertmanager configuration for one machine and an impatient reader.

Only addresses and times differ from what is shipped: everything is asked every second, a message waits a second for
others of its group, an alert that is over is kept for some seconds, and mail and SMS go to the catcher, without a
password.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from .addresses import LOOPBACK, Addresses, url

EVERY = "1s"
GROUP_INTERVAL = "2s"
KEEP_FIRING = "3s"

Document = dict[str, Any]  # decoded YAML: its shape is that of somebody else's program


def write_prometheus(bundle: Path, folder: Path, addresses: Addresses) -> Path:
    """Copy prometheus.yml and its rules into `folder`, for these addresses; return the copy's path."""
    config = _load(bundle / "prometheus" / "prometheus.yml")
    config["global"].update(scrape_interval=EVERY, scrape_timeout=EVERY, evaluation_interval=EVERY)
    config["alerting"]["alertmanagers"] = [_targets(addresses.alertmanager)]
    ports = {"prometheus": addresses.prometheus, "alertmanager": addresses.alertmanager}
    for job in config["scrape_configs"]:
        port = ports.get(job["job_name"], addresses.sidecar)
        job["static_configs"] = _targets(port)["static_configs"]
        job.pop("file_sd_configs", None)
    for rules in sorted((bundle / "prometheus" / "rules").glob("*.yml")):
        _save(_impatient(_load(rules)), folder / "rules" / rules.name)
    return _save(config, folder / "prometheus.yml")


def write_alertmanager(bundle: Path, folder: Path, addresses: Addresses) -> Path:
    """Copy alertmanager.yml and its templates into `folder`, for these addresses; return the copy's path."""
    config = _load(bundle / "alertmanager" / "alertmanager.yml")
    for key in ("smtp_auth_username", "smtp_auth_password_file"):
        config["global"].pop(key, None)
    config["global"].update(smtp_smarthost=f"{LOOPBACK}:{addresses.smtp}", smtp_require_tls=False)
    for route in [config["route"], *config["route"]["routes"]]:
        route.update(group_wait=EVERY, group_interval=GROUP_INTERVAL)
        route.pop("mute_time_intervals", None)  # whoever tries it out at night is awake
    for receiver in config["receivers"]:
        for sns in receiver.get("sns_configs", []):
            sns["api_url"] = url(addresses.sns)
    shutil.copytree(bundle / "alertmanager" / "templates", folder / "templates", dirs_exist_ok=True)
    return _save(config, folder / "alertmanager.yml")


def _impatient(rules: Document) -> Document:
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "keep_firing_for" in rule:
                rule["keep_firing_for"] = KEEP_FIRING
    return rules


def _targets(port: int) -> Document:
    return {"static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]}


def _load(path: Path) -> Document:
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _save(document: Document, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8")
    return path

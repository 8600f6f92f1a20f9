"""The shipped bundle as tests read it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.programs import ROOT, find_program

PROMETHEUS = ROOT / "prometheus"
ALERTMANAGER = ROOT / "alertmanager"
GRAFANA = ROOT / "grafana" / "dashboards"
RUNBOOKS = PROMETHEUS / "runbooks.md"
ALERTMANAGER_CONFIG = ALERTMANAGER / "alertmanager.yml"
RULE_FILES = [PROMETHEUS / "rules" / f"{name}.yml" for name in ("faults", "cluster", "pipeline", "recording")]
RULE_TESTS = sorted((PROMETHEUS / "tests").rglob("*.yml"))

Document = dict[str, Any]  # decoded YAML


def load(path: Path) -> Document:
    """Decode a YAML file."""
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _rules() -> Iterator[Document]:
    for path in RULE_FILES:
        for group in load(path)["groups"]:
            yield from group["rules"]


DASHBOARDS: dict[str, Document] = {  # by UID; none where Grafana's part of the bundle is absent
    document["uid"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("*.json")))
}
ALERTS: dict[str, Document] = {rule["alert"]: rule for rule in _rules() if "alert" in rule}
RECORDINGS: list[Document] = [rule for rule in _rules() if "record" in rule]


def metric_names(text: str) -> set[str]:
    """Return the names of exported metrics in PromQL or prose; recorded ones, with colons, are not among them."""
    return set(re.findall(r"(?<![\w:])runvitals_[a-z0-9_]*[a-z0-9](?![\w:])", text))


def recorded_names(text: str) -> set[str]:
    """Return the names of recorded metrics in PromQL."""
    return set(re.findall(r"\b(?:rank|run|cluster):\w+:\w+", text))


def run_program(name: str, *arguments: str | Path) -> str:
    """Run a program to its end and return what it wrote. Raises AssertionError, with that, where it fails."""
    command = [str(find_program(name)), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr

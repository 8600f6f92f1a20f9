"""The objects that are shipped for Kubernetes, as kustomize and Helm make them."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
CHART = ROOT / "deploy" / "helm" / "runvitals"
EXAMPLES = ("training", "vllm", "triton")
NEEDED_VALUES: dict[str, Any] = {
    "routes": {
        "enabled": True,
        "email": {"to": "ops@example.org", "from": "runvitals@example.org", "smarthost": "smtp.example.org:587"},
        "sms": {"phoneNumber": "+491512345678", "region": "eu-central-1"},
    }
}
"""What the chart asks for before it makes everything."""

Object = dict[str, Any]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads a plain `=` as text, as Go's YAML does."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


def loaded(text: str) -> list[Object]:
    """Return the documents of a text that hold anything."""
    return [one for one in yaml.load_all(text, _Loader) if one]


@functools.cache
def _kustomized(folder: Path) -> str:
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            assert "deprecated" not in done.stderr, done.stderr
            return done.stdout
    pytest.skip("neither kubectl nor kustomize is on the PATH")


def kustomized(folder: Path) -> list[Object]:
    """Return what kustomize makes of a folder; skip the test, saying so, where there is none."""
    return loaded(_kustomized(folder))


def charted(values: Object | None = None, *, chart: Path = CHART) -> list[Object]:
    """Return what Helm makes of the chart; skip the test, saying so, where there is none."""
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk (Helm as a library) is not installed")
    with helm.Chart.load(chart) as one:
        rendered = one.render(values or {}, name="demo", namespace="monitoring")
    return [made for path, text in sorted(rendered.items()) if path.endswith(".yaml") for made in loaded(text)]


def only(objects: list[Object], kind: str) -> Object:
    """Return the one object of a kind."""
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def pod_template(workload: Object) -> Object:
    """Return the pod template of a workload."""
    template: Object = workload["spec"]["template"]
    return template


def sidecar_of(workload: Object) -> Object:
    """Return the sidecar's container."""
    containers = pod_template(workload)["spec"]["initContainers"]
    (found,) = [one for one in containers if one["name"] == "runvitals"]
    return found  # type: ignore[no-any-return]

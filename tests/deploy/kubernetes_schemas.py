"""What the schemas of Kubernetes and of the Prometheus operator say of an object."""

from __future__ import annotations

import functools
import json
import re
import warnings
from typing import Any

import pytest

KUBERNETES_VERSIONS = ("1.29", "1.33", "1.37")
"""From the first with native sidecars on; the package carries those up to its own version."""

_OPERATOR_KINDS = {
    "monitoring.coreos.com/v1": ("v1", {"PodMonitor", "PrometheusRule", "Alertmanager"}),
    "monitoring.coreos.com/v1alpha1": ("v1alpha1", {"AlertmanagerConfig"}),
}


def check(given: dict[str, Any]) -> None:
    """Fail the test if a schema refuses the object; skip it, saying so, where the schemas are not installed."""
    if given["apiVersion"] in _OPERATOR_KINDS:
        _check_custom(given)
    else:
        _check_core(given)


def _check_core(given: dict[str, Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for version in KUBERNETES_VERSIONS:
        validate.validate(given, version, strict=True)


def _check_custom(given: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = _operator_schema(given["apiVersion"], given["kind"])
    jsonschema.validate(given, schema)
    if given["kind"] == "AlertmanagerConfig":
        # The CRD leaves routes below the first open, as they may go down without end; they are of the same form.
        below = {"$defs": schema["$defs"], "$ref": "#/$defs/Route"}
        for route in _routes_below(given["spec"]["route"]):
            jsonschema.validate(route, below)


def _routes_below(route: dict[str, Any]) -> list[dict[str, Any]]:
    below = route.get("routes", [])
    return below + [deeper for one in below for deeper in _routes_below(one)]


@functools.cache
def _operator_schema(api_version: str, kind: str) -> dict[str, Any]:
    module, kinds = _OPERATOR_KINDS[api_version]
    assert kind in kinds
    name = f"cloudcoil.models.prometheus_operator.{module}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = pytest.importorskip(name, reason="cloudcoil.models.prometheus-operator (the CRDs) is not installed")
        schema: dict[str, Any] = getattr(models, kind).model_json_schema()
    for one in (schema, *schema["$defs"].values()):
        if "properties" in one:
            one.setdefault("additionalProperties", False)  # as the API server in strict mode: an unknown key is refused
    text = re.sub(r'"pattern": "[^"]*"', _flags_first, json.dumps(schema))
    return json.loads(text)  # type: ignore[no-any-return]


def _flags_first(pattern: re.Match[str]) -> str:
    """Return a pattern as Python takes it: Go has a flag anywhere in it, Python only at its beginning."""
    if "(?i)" not in pattern[0]:
        return pattern[0]
    return pattern[0].replace("(?i)", "").replace('": "', '": "(?i)')

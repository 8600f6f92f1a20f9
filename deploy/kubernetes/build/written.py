"""The files that are built, by their path under deploy/."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from deploy.kubernetes.build.routes import alertmanager_config
from deploy.kubernetes.build.rules import prometheus_rule
from deploy.kubernetes.build.yaml_text import yaml_text

DEPLOY = Path(__file__).parents[2]
RULES, DASHBOARDS = "kubernetes/cluster/rules", "kubernetes/cluster/dashboards"
ROUTES, TEMPLATES = "kubernetes/routes", "kubernetes/routes/templates"
CHART = "helm/runvitals/files"
BUILT_FOLDERS = (
    RULES,
    DASHBOARDS,
    TEMPLATES,
    f"{CHART}/rules",
    f"{CHART}/dashboards",
    f"{CHART}/templates",
)
"""The folders that hold nothing else."""

TEMPLATES_CONFIG_MAP = "runvitals-alertmanager-templates"
_NOTE = "# Built from the bundle by `python -m deploy.kubernetes.build`: change it there.\n"
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_LABELS = {"app.kubernetes.io/name": "runvitals"}

Files = dict[str, str]


def written(bundle: Mapping[str, str]) -> Files:
    """Return every built file's text, for the text of each file of the bundle by its path.

    Raises DoesNotCarryOverError for routes that an AlertmanagerConfig cannot hold.
    """
    rules = _in(bundle, "prometheus/rules", ".yml")
    dashboards = {name: _compact(text) for name, text in _in(bundle, "grafana/dashboards", ".json").items()}
    templates = _in(bundle, "alertmanager/templates", ".tmpl")
    routes = alertmanager_config(bundle["alertmanager/alertmanager.yml"])
    return {
        **_rules(rules),
        **_dashboards(dashboards),
        **_routes(routes, templates),
        **{f"{CHART}/rules/{name}": _NOTE + text for name, text in rules.items()},
        **{f"{CHART}/dashboards/{name}": text for name, text in dashboards.items()},
        **{f"{CHART}/templates/{name}": text for name, text in templates.items()},
        f"{CHART}/alertmanagerconfig.yaml": _NOTE + yaml_text(routes),
    }


def _in(bundle: Mapping[str, str], folder: str, suffix: str) -> Files:
    """Return the files of one folder by their names alone."""
    paths = {PurePosixPath(path): text for path, text in bundle.items()}
    return {
        path.name: text
        for path, text in sorted(paths.items())
        if path.parent == PurePosixPath(folder) and path.suffix == suffix
    }


def _compact(dashboard: str) -> str:
    """Return a dashboard on one line: nearly a third of it is indentation, and an object has a limit."""
    return json.dumps(json.loads(dashboard), separators=(",", ":"), ensure_ascii=False) + "\n"


def _rules(rules: Files) -> Files:
    objects = {
        f"{PurePosixPath(name).stem}.yaml": prometheus_rule(PurePosixPath(name).stem, rules[name]) for name in rules
    }
    return {
        **{f"{RULES}/{name}": _NOTE + yaml_text(one) for name, one in objects.items()},
        f"{RULES}/kustomization.yaml": _kustomization({"resources": list(objects)}),
    }


def _dashboards(dashboards: Files) -> Files:
    """Return the dashboards and a kustomization that makes a ConfigMap of each, as Grafana's sidecar looks for them."""
    maps = [{"name": PurePosixPath(name).stem, "files": [name]} for name in dashboards]
    options = {
        "disableNameSuffixHash": True,
        "labels": {**_LABELS, "app.kubernetes.io/component": "dashboards", "grafana_dashboard": "1"},
        "annotations": {"grafana_folder": "runvitals"},
    }
    return {
        **{f"{DASHBOARDS}/{name}": text for name, text in dashboards.items()},
        f"{DASHBOARDS}/kustomization.yaml": _kustomization({"configMapGenerator": maps, "generatorOptions": options}),
    }


def _routes(spec: dict[str, Any], templates: Files) -> Files:
    config = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "runvitals", "labels": {**_LABELS, "alertmanagerConfig": "runvitals"}},
        "spec": spec,
    }
    made = {
        "configMapGenerator": [{"name": TEMPLATES_CONFIG_MAP, "files": list(templates)}],
        "generatorOptions": {"disableNameSuffixHash": True, "labels": dict(_LABELS)},
    }
    return {
        f"{ROUTES}/alertmanagerconfig.yaml": _NOTE + yaml_text(config),
        f"{TEMPLATES}/kustomization.yaml": _kustomization(made),
        **{f"{TEMPLATES}/{name}": text for name, text in templates.items()},
    }


def _kustomization(content: dict[str, Any]) -> str:
    return _NOTE + yaml_text({**_KUSTOMIZATION, **content})

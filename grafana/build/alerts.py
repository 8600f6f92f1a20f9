"""The alerts of prometheus/rules as Grafana-managed rules, for whoever has no Alertmanager.

A rule of Prometheus fires on each series that its expression returns, whatever its value; one of Grafana where a number
is not 0. So the expression is query A, and the condition B asks of each series only whether it has a number. What is
converted, and what has no counterpart, stands at the head of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
DATASOURCE_UID = "runvitals-prometheus"
INTERVAL = "10s"
_CONDITION = "is_number($A) || is_inf($A)"
_BACK = 300
"""Seconds that an instant query looks back, as Prometheus does by default."""


class _Dumper(yaml.SafeDumper):
    """Writes what has several lines as it is read."""


def _as_read(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _as_read)

_KNOWN = re.compile(r'(\$labels\.\w+|\$value)( \| (urlquery|humanize(Duration|Percentage)?|printf "%[^"]+"))?')
"""What Prometheus and Grafana both fill in, but for the names of labels and value."""

_HEAD = """\
# The alerts of prometheus/rules/ as Grafana-managed rules, written by `python -m grafana.build`.
#
# An alternative to Prometheus's own rules with Alertmanager, never an addition: with both, everybody is told twice. So
# this folder has a name that Grafana does not read; README.md says how to turn it on. Needs the datasource with the uid
# runvitals-prometheus of provisioning/datasources, and the recording rules are still Prometheus's.
#
# What differs from the rules of Prometheus:
# - Grafana evaluates in multiples of 10 s, so each group every 10 s (Prometheus: 15 s).
# - `for` is kept. `keep_firing_for` becomes keepFiringFor, which Grafana reads from 12 on; before, a failed scrape
#   resolves an alert that is still open and opens it again.
# - Annotations cannot query: step, time and confidence are on the dashboards and left out here.
# - No series means that nothing is open (noDataState: OK). A query that fails is told (execErrState: Error).
# - There are no inhibitions in Grafana: a consequence on another rank is told beside its cause.
"""


def rules_file() -> str:
    """Return the text of the provisioning file."""
    groups = [_group(group) for path in sorted(RULES.glob("*.yml")) for group in _decoded(path)["groups"]]
    document = {"apiVersion": 1, "groups": [group for group in groups if group["rules"]]}
    return _HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def without_queries(text: str) -> str:
    """Return an annotation in the words of Grafana's templates, without what it would have to query.

    Raises ValueError for what has no counterpart: it must be decided on, not passed on.
    """
    words: list[str] = []
    depth = 0
    for part in re.split(r"(\{\{.*?\}\})", text):
        action = part.strip("{}- ") if part.startswith("{{") else ""
        if depth or action.startswith("with query "):
            depth += 1 if action.startswith("with ") else -1 if action == "end" else 0
            words[-1:] = [words[-1].rstrip()] if part.startswith("{{-") and words else words[-1:]
        elif not re.match(r"\$\w+ := ", action):
            words.append(_converted(action) if action else part)
    return re.sub(r"\s+", " ", "".join(words)).strip()


def _converted(action: str) -> str:
    if not _KNOWN.fullmatch(action):
        raise ValueError(f"no counterpart in Grafana: {action}")
    return f"{{{{ {action.replace('$labels', '.Labels').replace('$value', '.Values.A.Value')} }}}}"


def _decoded(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _group(group: dict[str, Any]) -> dict[str, Any]:
    rules = [_rule(rule) for rule in group["rules"] if "alert" in rule]
    return {"orgId": 1, "name": group["name"], "folder": "runvitals", "interval": INTERVAL, "rules": rules}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    kept = {"keepFiringFor": rule["keep_firing_for"]} if "keep_firing_for" in rule else {}
    return {
        "uid": rule["alert"].lower(),
        "title": rule["alert"],
        "condition": "B",
        "data": [_query(rule["expr"].strip()), _has_number()],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.get("for", "0s"),
        **kept,
        "annotations": dict(_annotations(rule["annotations"])),
        "labels": dict(rule.get("labels", {})),
        "isPaused": False,
    }


def _annotations(given: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in given.items():
        if converted := without_queries(text):
            yield name, converted


def _query(expr: str) -> dict[str, Any]:
    asked = {"refId": "A", "expr": expr, "instant": True, "range": False, "intervalMs": 15000, "maxDataPoints": 43200}
    return {
        "refId": "A",
        "relativeTimeRange": {"from": _BACK, "to": 0},
        "datasourceUid": DATASOURCE_UID,
        "model": {"datasource": {"type": "prometheus", "uid": DATASOURCE_UID}, **asked},
    }


def _has_number() -> dict[str, Any]:
    source = {"type": "__expr__", "uid": "__expr__"}
    return {
        "refId": "B",
        "datasourceUid": "__expr__",
        "model": {"datasource": source, "refId": "B", "type": "math", "expression": _CONDITION},
    }

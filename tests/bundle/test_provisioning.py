"""The files that Grafana reads at its start: their fields are those of its documentation, and they fit the bundle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from grafana.build.alerts import without_queries
from grafana.build.links import Boards
from tests.bundle.shipped import ALERTS, PROMETHEUS, Document, load, run_program
from tests.programs import ROOT

GRAFANA = ROOT / "grafana"
PROVISIONING = GRAFANA / "provisioning"
OPTIONAL = PROVISIONING / "alerting-optional"
READ_BY_GRAFANA = {"datasources", "dashboards", "plugins", "access-control", "alerting", "notifiers"}

GROUPS = load(OPTIONAL / "rules.yml")["groups"]
RULES: dict[str, Document] = {rule["title"]: rule for group in GROUPS for rule in group["rules"]}
DATASOURCES = {one["type"]: one for one in load(PROVISIONING / "datasources" / "runvitals.yml")["datasources"]}
POINTS = load(OPTIONAL / "contact-points.yml")["contactPoints"]
POLICIES = load(OPTIONAL / "policies.yml")

FIELDS = {
    "datasource": {"name", "uid", "type", "access", "url", "editable", "jsonData"},
    "provider": {
        "name", "orgId", "folder", "folderUid", "type", "disableDeletion", "allowUiUpdates", "updateIntervalSeconds",
        "options",
    },
    "group": {"orgId", "name", "folder", "interval", "rules"},
    "rule": {
        "uid", "title", "condition", "data", "noDataState", "execErrState", "for", "keepFiringFor", "annotations",
        "labels", "isPaused",
    },
    "query": {"refId", "relativeTimeRange", "datasourceUid", "model"},
    "receiver": {"uid", "type", "disableResolveMessage", "settings"},
    "route": {
        "orgId", "receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "routes", "object_matchers",
        "mute_time_intervals", "continue",
    },
}  # fmt: skip
"""Of the fields of Grafana's file provisioning those that the bundle uses, as its documentation spells them."""


def seconds(duration: str) -> int:
    """Return a duration of Prometheus and Grafana in seconds."""
    [(number, unit)] = re.findall(r"^(\d+)([smh])$", duration)
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def test_the_alternative_is_off() -> None:
    """Nobody is told twice: Grafana reads no folder of the name that the alerts lie in."""
    folders = {path.name for path in PROVISIONING.iterdir()}
    assert folders & READ_BY_GRAFANA == {"datasources", "dashboards"}
    assert "alerting-optional" in folders


@pytest.mark.parametrize(
    "path", sorted(PROVISIONING.rglob("*.yml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_file_has_its_version(path: Path) -> None:
    """Grafana reads the first version of each kind of file."""
    assert load(path)["apiVersion"] == 1


def test_the_datasources_fit_the_bundle() -> None:
    """The interval is Prometheus's, and the Alertmanager that it names is there."""
    assert all(one.keys() <= FIELDS["datasource"] for one in DATASOURCES.values())
    prometheus = DATASOURCES["prometheus"]
    assert prometheus["jsonData"]["timeInterval"] == load(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert prometheus["jsonData"]["alertmanagerUid"] == DATASOURCES["alertmanager"]["uid"]


def test_the_dashboards_are_read_and_not_edited() -> None:
    """One provider reads the folder; what is changed in a browser would be lost, so it is refused."""
    [provider] = load(PROVISIONING / "dashboards" / "runvitals.yml")["providers"]
    assert provider.keys() <= FIELDS["provider"]
    assert provider["type"] == "file"
    assert not provider["allowUiUpdates"]
    assert provider["options"].keys() == {"path", "foldersFromFilesStructure"}
    assert len(list((GRAFANA / "dashboards").glob("*.json"))) == len(Boards)


def test_every_alert_is_there_and_no_other() -> None:
    """Whoever takes the alternative is told of the same things."""
    assert RULES.keys() == ALERTS.keys()
    assert len({rule["uid"] for rule in RULES.values()}) == len(RULES)


def test_groups_are_evaluated_in_steps_of_grafana() -> None:
    """Grafana's scheduler takes multiples of ten seconds."""
    for group in GROUPS:
        assert group.keys() == FIELDS["group"]
        assert seconds(group["interval"]) % 10 == 0


@pytest.mark.parametrize("name", ALERTS)
def test_a_rule_has_what_grafana_needs(name: str) -> None:
    """Its fields are those of the documentation, its address fits, and its condition is one of its queries."""
    rule = RULES[name]
    assert rule.keys() <= FIELDS["rule"]
    assert re.fullmatch(r"[a-z0-9-]{1,40}", rule["uid"])
    assert all(query.keys() <= FIELDS["query"] for query in rule["data"])
    assert rule["condition"] in [query["refId"] for query in rule["data"]]
    assert rule["noDataState"] in ("NoData", "Alerting", "OK")
    assert rule["execErrState"] in ("Error", "Alerting", "OK")


@pytest.mark.parametrize("name", ALERTS)
def test_a_rule_is_that_of_prometheus(name: str) -> None:
    """The expression, the waits and the labels are the same; its datasource is the one that is provisioned."""
    rule, alert = RULES[name], ALERTS[name]
    asked = rule["data"][0]
    assert asked["model"]["expr"] == alert["expr"].strip()
    assert asked["model"]["instant"]
    assert asked["datasourceUid"] == DATASOURCES["prometheus"]["uid"]
    assert rule["for"] == alert.get("for", "0s")
    assert rule.get("keepFiringFor") == alert.get("keep_firing_for")
    assert rule["labels"] == alert.get("labels", {})
    assert seconds(rule["for"]) >= 0


def test_the_expressions_parse(tmp_path: Path) -> None:
    """What is written to the file is still PromQL once it is read again."""
    rules = [{"record": "asked", "expr": rule["data"][0]["model"]["expr"]} for rule in RULES.values()]
    (tmp_path / "asked.yml").write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    run_program("promtool", "check", "rules", "--lint=none", tmp_path / "asked.yml")


@pytest.mark.parametrize("name", ALERTS)
def test_annotations_are_told_without_queries(name: str) -> None:
    """Grafana cannot query in an annotation, and fills in ${…} from its environment: neither is in one."""
    annotations = RULES[name]["annotations"]
    assert {"summary", "description", "action", "runbook_url"} <= annotations.keys()
    for text in annotations.values():
        assert "$" not in text
        assert "with query" not in text
        assert all(re.match(r"\.Labels\.\w+|\.Values\.A\.Value", one) for one in actions(text))
    assert annotations["summary"] == ALERTS[name]["annotations"]["summary"]
    assert annotations["description"].endswith(f"First: {ALERTS[name]['annotations']['action']}")


def actions(text: str) -> list[str]:
    """Return what stands in the double braces of a template."""
    return [one.strip() for one in re.findall(r"\{\{(.*?)\}\}", text)]


def test_what_cannot_be_told_is_left_out_with_its_words() -> None:
    """A query vanishes with the sentence around it, also where another is within it; labels and the value stay."""
    text = (
        '{{- $rank := printf "run=%q" $labels.run -}} Run {{ $labels.run }} differs by {{ $value | printf "%.3g" }}\n'
        '{{- with query (printf "max(x{%s})" $rank) }}, since {{ first . | value }}'
        '{{ with query "y" }} ({{ . }}){{ end }}{{ end }}. First: Stop.'
    )
    assert without_queries(text) == (
        'Run {{ .Labels.run }} differs by {{ .Values.A.Value | printf "%.3g" }}. First: Stop.'
    )


def test_what_has_no_counterpart_is_refused() -> None:
    """A new kind of template is decided on by a person, and does not reach Grafana as it is."""
    with pytest.raises(ValueError, match="no counterpart in Grafana: externalURL"):
        without_queries("See {{ externalURL }}.")


def routes(node: Document) -> list[Document]:
    """Return a route and those below it."""
    return [node, *(route for child in node.get("routes", []) for route in routes(child))]


def test_policies_lead_to_contact_points() -> None:
    """Each route's fields are those of the documentation, and its receiver and its mute times are there."""
    [root] = POLICIES["policies"]
    assert "mute_time_intervals" not in root
    names = {point["name"] for point in POINTS}
    for route in routes(root):
        assert route.keys() <= FIELDS["route"]
        assert route["receiver"] in names
        assert set(route.get("mute_time_intervals", [])) <= {one["name"] for one in POLICIES["muteTimes"]}
    assert {receiver for route in routes(root) if (receiver := route["receiver"])} == names


def receivers_of(labels: dict[str, str]) -> set[str]:
    """Return who is told of an alert with these labels, as Grafana walks the tree."""
    [root] = POLICIES["policies"]
    told = set()
    for route in root["routes"]:
        if all(labels.get(label) == value for label, _, value in route["object_matchers"]):
            told |= set() if "mute_time_intervals" in route else {route["receiver"]}
            if not route.get("continue"):
                return told
    return told or {root["receiver"]}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"alertname": "RunvitalsHang", "severity": "critical"}, {"runvitals-pager", "runvitals-mail"}),
        ({"alertname": "RunvitalsLossSpike", "severity": "warning"}, {"runvitals-mail"}),
        ({"alertname": "RunvitalsPlateau", "severity": "info"}, set()),
        ({"alertname": "RunvitalsWatchdog", "severity": "none"}, set()),
        ({"alertname": "RunvitalsHang", "severity": "unheard of"}, {"runvitals-mail"}),
    ],
)
def test_who_is_told_by_severity(labels: dict[str, str], told: set[str]) -> None:
    """Critical rings and mails, a warning mails, information goes nowhere, and what is new is not lost."""
    assert receivers_of(labels) == told


def test_contact_points_hold_no_secret() -> None:
    """Addresses come from the environment, and each receiver has an address of its own."""
    receivers = [receiver for point in POINTS for receiver in point["receivers"]]
    assert len({receiver["uid"] for receiver in receivers}) == len(receivers)
    for receiver in receivers:
        assert receiver.keys() <= FIELDS["receiver"]
        address = receiver["settings"].get("addresses") or receiver["settings"]["url"]
        assert re.fullmatch(r"\$\{RUNVITALS_\w+\}", address)
    text = (OPTIONAL / "README.md").read_text(encoding="utf-8")
    assert all(name in text for name in re.findall(r"\$\{(\w+)\}", yaml.safe_dump(POINTS)))

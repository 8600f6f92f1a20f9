"""The chart makes the same objects as the kustomizations, takes what it is told, and refuses what makes no sense."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import shutil

import pytest
import yaml

import runvitals
from runvitals.bundle.shipped import shipped_files
from tests.deploy.kubernetes_objects import CHART, KUBERNETES, NEEDED_VALUES, charted, loaded, only
from tests.deploy.kubernetes_schemas import check

RELEASE_BYTES = 1024 * 1024
"""What a Secret may hold; Helm keeps the chart and what it made in one, as base64 of gzip in base64."""


def changed(path, value):
    """Return the needed values with one of them changed."""
    values = copy.deepcopy(NEEDED_VALUES)
    *sections, name = path.split(".")
    place = values
    for section in sections:
        place = place.setdefault(section, {})
    place[name] = value
    return values


def built(folder):
    """Return the objects that the builder wrote into a folder."""
    paths = [path for path in (KUBERNETES / folder).glob("*.yaml") if path.name != "kustomization.yaml"]
    return [one for path in sorted(paths) for one in loaded(path.read_text())]


def by_suffix(objects, kind):
    """Return the specs of a kind by the last word of the name."""
    return {one["metadata"]["name"].rsplit("-", 1)[1]: one["spec"] for one in objects if one["kind"] == kind}


def test_the_schemas_accept_every_object():
    """Those of several versions of Kubernetes, and those of the operator."""
    for one in charted(NEEDED_VALUES):
        check(one)


def test_helm_finds_nothing_to_complain_about():
    """But for the icon, which we have none of."""
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk (Helm as a library) is not installed")
    found = helm.lint(CHART)
    assert not found["errors"]
    assert [one["error"] for one in found["messages"]] == ["icon is recommended"]


def test_by_default_there_is_all_but_the_routes():
    """Who is told has to be said first."""
    kinds = {one["kind"] for one in charted()}
    assert kinds == {"PodMonitor", "PrometheusRule", "ConfigMap"}
    dashboards = [one for one in charted() if one["kind"] == "ConfigMap"]
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in dashboards)
    shipped = [path for path in shipped_files() if path.startswith("grafana/dashboards/")]
    assert len(dashboards) == len(shipped)


def test_rules_are_the_bundles():
    """Prometheus's own templates go through Helm's untouched."""
    assert by_suffix(charted(), "PrometheusRule") == by_suffix(built("cluster/rules"), "PrometheusRule")


def test_dashboards_are_the_bundles():
    """To the byte that is written into the chart."""
    for one in charted():
        if one["kind"] == "ConfigMap":
            ((name, text),) = one["data"].items()
            assert json.loads(text) == json.loads(shipped_files()[f"grafana/dashboards/{name}"])


def test_routes_are_the_bundles_with_the_addresses_filled_in():
    """Only what the values name differs from the AlertmanagerConfig of the kustomization."""
    made = only(charted(NEEDED_VALUES), "AlertmanagerConfig")["spec"]
    (kustomized,) = [one["spec"] for one in built("routes")]
    receivers = {one["name"]: one for one in made.pop("receivers")}
    before = {one["name"]: one for one in kustomized.pop("receivers")}
    assert made == kustomized
    email, text = receivers["email"]["emailConfigs"][0], receivers["sms"]["snsConfigs"][0]
    assert email == {
        **{k: v for k, v in before["email"]["emailConfigs"][0].items() if k not in ("authUsername", "authPassword")},
        **NEEDED_VALUES["routes"]["email"],
        "requireTLS": True,
    }
    assert text == {
        **before["sms"]["snsConfigs"][0],
        "phoneNumber": "+491512345678",
        "sigv4": {"region": "eu-central-1"},
    }


def test_templates_of_the_messages_are_the_bundles():
    """Alertmanager's own templates go through Helm's untouched."""
    (made,) = [one for one in charted(NEEDED_VALUES) if one["metadata"]["name"].endswith("alertmanager-templates")]
    shipped = {path.rsplit("/", 1)[1]: text for path, text in shipped_files().items() if path.endswith(".tmpl")}
    assert made["data"] == shipped


def test_an_account_needs_its_secret():
    """With a user name the password is a key of a Secret; without one there is neither."""
    values = changed("routes.email.username", "runvitals@example.org")
    email = only(charted(values), "AlertmanagerConfig")["spec"]["receivers"][1]["emailConfigs"][0]
    assert email["authUsername"] == "runvitals@example.org"
    assert email["authPassword"] == {"name": "runvitals-smtp", "key": "password"}


def test_alert_labels_go_on_every_alert_and_on_nothing_else():
    """A recorded series keeps its labels."""
    for one in charted({"rules": {"alertLabels": {"namespace": "monitoring"}}}):
        if one["kind"] == "PrometheusRule":
            for rule in (rule for group in one["spec"]["groups"] for rule in group["rules"]):
                assert ("alert" in rule) == (rule.get("labels", {}).get("namespace") == "monitoring")


def test_an_alert_can_be_left_out():
    """By its name, and no other with it."""
    before, after = (
        [
            rule.get("alert")
            for spec in by_suffix(charted(values), "PrometheusRule").values()
            for group in spec["groups"]
            for rule in group["rules"]
        ]
        for values in ({}, {"rules": {"disabled": ["RunvitalsTargetAbsent"]}})
    )
    assert [alert for alert in before if alert not in after] == ["RunvitalsTargetAbsent"]
    assert len(after) == len(before) - 1


def test_links_lead_to_the_grafana_of_the_values():
    """In every alert."""
    made = json.dumps(charted({"rules": {"grafanaUrl": "https://grafana.example.org/"}}))
    assert "grafana.example.com" not in made


def test_labels_and_names_are_those_of_a_chart():
    """As the charts of prometheus-community have them, and with what a Prometheus selects by."""
    for one in charted({"additionalLabels": {"release": "kps"}, "namespaceOverride": "elsewhere"}):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "runvitals"
        assert labels["app.kubernetes.io/instance"] == "demo"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["release"] == "kps"
        assert one["metadata"]["name"].startswith("demo-runvitals")
        assert one["metadata"]["namespace"] == "elsewhere"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("podMonitor.intervall", "15s"),
        ("podMonitor.interval", "15"),
        ("podMonitor.scheme", "ftp"),
        ("rules.grafanaUrl", "grafana.example.org"),
        ("rules.alertLabels", {"namespace": 1}),
        ("rules.disabled", ["TargetAbsent"]),
        ("routes.email.to", "nobody"),
        ("routes.email.smarthost", "smtp.example.org"),
        ("routes.sms.phoneNumber", "0151 2345678"),
        ("routes.sms.accessKey", {"name": "aws"}),
    ],
)
def test_values_that_make_no_sense_are_refused(path, value):
    """The message names the key."""
    with pytest.raises(Exception, match=path.rsplit(".", 1)[1]):
        charted(changed(path, value))


def test_routes_without_addresses_are_refused():
    """Nobody's mail goes to an example."""
    with pytest.raises(Exception, match="smarthost"):
        charted({"routes": {"enabled": True}})


def test_every_value_is_in_the_schema_and_has_a_default():
    """Both ways."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def names(part, prefix=""):
        own = {f"{prefix}{name}": below for name, below in part.get("properties", {}).items()}
        return set(own).union(*(names(below, f"{name}.") for name, below in own.items()))

    def given(part, known, prefix=""):
        below = {f"{prefix}{name}": value for name, value in part.items()}
        deeper = (given(value, known, f"{name}.") for name, value in below.items() if isinstance(value, dict))
        return {name for name in below if name in known}.union(*deeper)

    known = names(schema) - {"global"}
    assert given(values, known) == known


def test_a_release_fits_into_its_secret():
    """Helm refuses a release that is larger, with no way round."""
    files = {str(path): path.read_text() for path in CHART.rglob("*") if path.is_file()}
    release = gzip.compress(json.dumps([files, charted(NEEDED_VALUES)]).encode())
    assert len(base64.b64encode(base64.b64encode(release))) < 0.75 * RELEASE_BYTES


def test_a_chart_of_more_dashboards_and_rules_makes_more_objects(tmp_path):
    """What the builder adds to the folders needs no change of a template."""
    chart = shutil.copytree(CHART, tmp_path / "runvitals")
    (chart / "files" / "rules" / "more.yml").write_text("groups: [{name: more, rules: [{record: 'a:b', expr: '1'}]}]")
    (chart / "files" / "dashboards" / "runvitals-more.json").write_text('{"title": "{{ more }}"}\n')
    names = {(one["kind"], one["metadata"]["name"]) for one in charted(chart=chart)}
    before = {(one["kind"], one["metadata"]["name"]) for one in charted()}
    assert names - before == {("PrometheusRule", "demo-runvitals-more"), ("ConfigMap", "demo-runvitals-more")}


def test_the_charts_version_is_the_packages():
    """A release that forgets the chart does not pass."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == runvitals.__version__

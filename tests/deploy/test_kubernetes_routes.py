"""The AlertmanagerConfig tells the same people as alertmanager.yml does: both are asked, by amtool."""

from __future__ import annotations

import itertools
import subprocess

import pytest
import yaml

from tests.deploy.kubernetes_objects import KUBERNETES, ROOT, loaded
from tests.programs import find_program

SHIPPED = ROOT / "alertmanager" / "alertmanager.yml"
OTHERS = "others"
ALERTS = [
    {"alertname": alertname, "severity": severity, **run}
    for alertname, severity, run in itertools.product(
        ("RunvitalsGradientExplosion", "RunvitalsWatchdog"),
        ("critical", "warning", "info", "none", "unheard-of"),
        ({}, {"run": "llama"}),
    )
]
ROUTE_KEYS = {
    "receiver": "receiver",
    "groupBy": "group_by",
    "groupWait": "group_wait",
    "groupInterval": "group_interval",
    "repeatInterval": "repeat_interval",
    "continue": "continue",
    "muteTimeIntervals": "mute_time_intervals",
}


def matchers(given, namespace=None):
    """Return matchers as Alertmanager writes them."""
    own = [f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in given]
    return [*own, f'namespace="{namespace}"'] if namespace else own


def route(given, namespace=None):
    """Return a route as the operator writes it: its own first one has the namespace, by the default strategy."""
    found = {ROUTE_KEYS[key]: value for key, value in given.items() if key in ROUTE_KEYS}
    found["matchers"] = matchers(given["matchers"], namespace)
    return {**found, "routes": [route(one) for one in given.get("routes", [])]}


def receiver(given):
    """Return a receiver as the operator writes it, with the secrets as it reads them from their Secrets."""
    emails = [
        {
            "to": one["to"],
            "from": one["from"],
            "smarthost": one["smarthost"],
            "auth_username": one["authUsername"],
            "auth_password": "read from the Secret",
            "html": one["html"],
            "text": one["text"],
            "send_resolved": one["sendResolved"],
            "headers": {header["key"]: header["value"] for header in one["headers"]},
        }
        for one in given.get("emailConfigs", [])
    ]
    texts = [
        {
            "phone_number": one["phoneNumber"],
            "sigv4": one["sigv4"],
            "subject": one.get("subject", ""),
            "message": one["message"],
            "attributes": one["attributes"],
            "send_resolved": one["sendResolved"],
        }
        for one in given.get("snsConfigs", [])
    ]
    return {"name": given["name"], "email_configs": emails, "sns_configs": texts}


def operators_config(spec, namespace=None):
    """Return the alertmanager.yml that the operator makes, by its documentation: hung under somebody else's routes."""
    intervals = [
        {
            "name": one["name"],
            "time_intervals": [
                {"times": [{"start_time": time["startTime"], "end_time": time["endTime"]} for time in part["times"]]}
                for part in one["timeIntervals"]
            ],
        }
        for one in spec["muteTimeIntervals"]
    ]
    inhibitions = [
        {
            "source_matchers": matchers(one["sourceMatch"], namespace),
            "target_matchers": matchers(one["targetMatch"], namespace),
            "equal": one["equal"],
        }
        for one in spec["inhibitRules"]
    ]
    return {
        "templates": [str(KUBERNETES / "routes" / "templates" / "*.tmpl")],
        "route": {"receiver": OTHERS, "routes": [{**route(spec["route"], namespace), "continue": True}]},
        "receivers": [{"name": OTHERS}, *(receiver(one) for one in spec["receivers"])],
        "time_intervals": intervals,
        "inhibit_rules": inhibitions,
    }


@pytest.fixture(scope="module")
def spec():
    """The AlertmanagerConfig that is shipped."""
    (config,) = loaded((KUBERNETES / "routes" / "alertmanagerconfig.yaml").read_text())
    return config["spec"]


@pytest.fixture(scope="module")
def receivers_of(tmp_path_factory):
    """A function that says who is told of an alert by a config."""
    amtool = find_program("amtool")
    folder = tmp_path_factory.mktemp("configs")

    def told(config, alert):
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(config))
        labels = [f"{name}={value}" for name, value in alert.items()]
        command = [amtool, "config", "routes", "test", f"--config.file={path}", *labels]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip().split(",")

    return told


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: "-".join(alert.values()))
def test_the_same_people_are_told(spec, receivers_of, alert):
    """By the operator's way an alert reaches whom it reaches by alertmanager.yml."""
    assert receivers_of(operators_config(spec), alert) == receivers_of(yaml.safe_load(SHIPPED.read_text()), alert)


def test_other_peoples_alerts_do_not_come_by_our_routes(spec, receivers_of):
    """Nobody is mailed about a disk of somebody else's because runvitals was installed."""
    assert receivers_of(operators_config(spec), {"alertname": "DiskFull", "severity": "critical"}) == [OTHERS]


def test_by_the_operators_default_only_alerts_with_the_namespace_are_told(spec, receivers_of):
    """That is the trap which the README explains, and the label of the chart's `rules.alertLabels` leads out of it."""
    config = operators_config(spec, namespace="monitoring")
    alert = {"alertname": "RunvitalsGradientExplosion", "severity": "critical", "run": "llama"}
    assert receivers_of(config, alert) == [OTHERS]
    assert receivers_of(config, {**alert, "namespace": "monitoring"}) == ["sms", "email"]


def test_amtool_accepts_the_config_and_its_templates(spec, tmp_path):
    """Also the inhibitions, the times and the texts."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(operators_config(spec)))
    done = subprocess.run([find_program("amtool"), "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(spec["inhibitRules"]) == len(yaml.safe_load(SHIPPED.read_text())["inhibit_rules"])
    assert "1 templates" in done.stdout  # one pattern, which met files that can be read

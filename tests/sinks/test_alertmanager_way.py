"""The fast path beside Prometheus: a real sidecar, the shipped rules and templates, one mail; and a pod that dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import runvitals
from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager, write_prometheus
from tests.programs import ROOT
from tests.servers import (
    LOOPBACK,
    Mailbox,
    Server,
    running_alertmanager,
    running_mail_server,
    running_prometheus,
    wait_until,
)
from tests.sinks.alertmanagers import receiving
from tests.test_serve import Sidecar, runs, sidecar  # noqa: F401  # a fixture

pytestmark = pytest.mark.slow

NAME = "RunvitalsNonfiniteLoss"
RUN = 'ünïcode "run" <b>'
GENEROUS_SECONDS = 30.0


def config(*urls: str) -> str:
    """Return the config of a sidecar that posts there."""
    return yaml.safe_dump(
        {
            "web": {"listen_address": f"{LOOPBACK}:0"},
            "sources": [{"kind": "ring", "interval": 0.1}],
            "alertmanager": {
                "urls": list(urls),
                "external_labels": {"cluster": "blue"},
                "grafana": "https://grafana.example.com",
                "target_labels": {"job": "runvitals", "instance": "node-1:9877"},
            },
        }
    )


class Way(NamedTuple):
    """The stations between a run and the mailbox."""

    side: Sidecar
    prometheus: Server
    alertmanager: Server
    mailbox: Mailbox

    def firing(self) -> dict[str, Any]:
        """Return the alert that fires in Prometheus; nothing if none does."""
        alerts = self.prometheus.get("/api/v1/alerts")["data"]["alerts"]
        found = [one for one in alerts if one["labels"]["alertname"] == NAME and one["state"] == "firing"]
        return found[0] if found else {}

    def told(self) -> list[dict[str, Any]]:
        """Return the alerts on the run that Alertmanager has."""
        return list(self.alertmanager.get("/api/v2/alerts", filter=f'alertname="{NAME}"'))


@pytest.fixture
def way(tmp_path: Path, runs: Path) -> Iterator[Way]:  # noqa: F811
    """The shipped bundle with `cluster: blue`; groups do not wait."""
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        routes = write_alertmanager(ROOT, tmp_path / "routes", Addresses(smtp=mailbox.port))
        _change(routes, _without_waiting)
        alertmanager = stack.enter_context(running_alertmanager(routes, tmp_path))
        side = stack.enter_context(sidecar(tmp_path, config(alertmanager.url)))
        port = int(side.url.rpartition(":")[2])
        addresses = Addresses(smtp=mailbox.port, alertmanager=alertmanager.port, sidecar=port)
        rules = write_prometheus(ROOT, tmp_path / "rules", addresses)
        _change(rules, lambda document: document["global"].update(external_labels={"cluster": "blue"}))
        yield Way(side, stack.enter_context(running_prometheus(rules, tmp_path)), alertmanager, mailbox)


def _change(path: Path, change: Any) -> None:
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def _without_waiting(document: dict[str, Any]) -> None:
    for route in [document["route"], *document["route"]["routes"]]:
        route["group_wait"] = "0s"
    document["receivers"] = [one for one in document["receivers"] if one["name"] != "sms"] + [{"name": "sms"}]


def test_one_incident_is_one_alert_and_one_mail_by_whichever_way(way: Way) -> None:
    """The alert of the fast path has the labels of the rule's, and its words; the mail comes once, within seconds."""
    with runvitals.watch(RUN, rank=3) as run:
        for step in range(100):
            run.log(step=step, loss=1.0 + 0.01 * (step % 7))
        wait_until(lambda: way.side.value(r"runvitals_run_step\{.*"), "the run on the page")
        began = time.time()
        run.log(step=100, loss=float("nan"))
        mail = way.mailbox.wait_for("[CRITICAL] nonfinite loss")
        print(f"\nfrom the finding to the e-mail: {mail.time - began:.2f} s")
        assert mail.time - began < GENEROUS_SECONDS
        assert f"run {RUN}, rank 3, step 100" in mail.subject
        fast = way.told()[0]
        slow = wait_until(way.firing, "Prometheus's alert")
        assert fast["labels"] == {**slow["labels"], "cluster": "blue"}
        same = [name for name in slow["annotations"] if name != "description"]
        assert len(same) > 5
        assert {name: fast["annotations"][name] for name in same} == {name: slow["annotations"][name] for name in same}
        head = "The loss is NaN or infinite. Rank 3 of run"
        assert fast["annotations"]["description"].startswith(head)
        assert slow["annotations"]["description"].startswith(head)
        wait_until(lambda: any(alert.get("generatorURL") for alert in way.told()), "Prometheus to tell it too")
        assert len(way.told()) == 1
        assert len([one for one in way.mailbox.mails if "nonfinite loss" in one.subject]) == 1


def test_a_pod_that_dies_with_its_run_has_told(tmp_path: Path, runs: Path) -> None:  # noqa: F811
    """What the drain at SIGTERM brings to light is posted before the process ends: nobody will scrape it again."""
    with receiving() as receiver:
        slow = config(f"http://{LOOPBACK}:{receiver.port}") + "tick_seconds: 60.0\n"
        with sidecar(tmp_path, slow) as side, runvitals.watch("llama", rank=0) as run:
            for step in range(100):
                run.log(step=step, loss=1.0)
            run.log(step=100, loss=float("nan"))
            side.process.send_signal(signal.SIGTERM)
            assert side.process.wait(60) == 0
        labels = [alert["labels"] for alert in receiver.alerts]
        assert {"alertname": NAME, "run": "llama", "cluster": "blue"}.items() <= labels[0].items()

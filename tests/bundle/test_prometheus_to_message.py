"""From a sidecar's page to the message: a real Prometheus with the shipped rules before a real Alertmanager."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager, write_prometheus
from runvitals.catalogue import faults, metrics
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import RUNBOOKS, load
from tests.bundle.test_runbooks import commands
from tests.programs import ROOT, find_program
from tests.servers import (
    Mailbox,
    Server,
    SmsInbox,
    running_alertmanager,
    running_mail_server,
    running_prometheus,
    running_sns_server,
    serving_page,
    wait_until,
)

pytestmark = pytest.mark.slow

RANKS = 1000
ALL = r"(\d+) in all"
ENDED = r"No longer reported: (\d+)\."
FAULT = faults.NONFINITE_LOSS
RUN = 'ünïcode "run" \\ {{ .X }}'
OPENED = 1_700_000_000.0


class Page:
    """A sidecar's page on which one fault is open on every rank, or on none; made beforehand: scrapes are quick."""

    def __init__(self) -> None:
        self.is_open = False
        self._made = {is_open: _ranks(is_open=is_open) for is_open in (False, True)}

    def text(self) -> str:
        """Return the page as it is now: open on all ranks or on none, also where it is opened meanwhile."""
        is_open = self.is_open
        registry = CollectorRegistry()
        moment = metrics.SNAPSHOT_TIMESTAMP
        Gauge(moment.name, moment.help, registry=registry).set(time.time())
        return self._made[is_open] + generate_latest(registry).decode()


def _ranks(*, is_open: bool) -> str:
    """Return what the page says of the ranks."""
    registry = CollectorRegistry()
    gauges = {
        metric: Gauge(metric.name, metric.help, metric.labels, registry=registry)
        for metric in (
            *(metrics.FAULT_ACTIVE, metrics.FAULT_OPENED_STEP, metrics.FAULT_OPENED_TIMESTAMP),
            *(metrics.FAULT_CONFIDENCE, metrics.SIGNAL_VALUE),
        )
    }
    for rank in map(str, range(RANKS)):
        labels = (RUN, rank, FAULT.name, FAULT.category, FAULT.severity)
        gauges[metrics.SIGNAL_VALUE].labels(RUN, rank, "loss", "").set(float("nan") if is_open else 2.5)
        gauges[metrics.FAULT_ACTIVE].labels(*labels).set(is_open)
        if is_open:
            gauges[metrics.FAULT_OPENED_STEP].labels(*labels).set(1234567)
            gauges[metrics.FAULT_OPENED_TIMESTAMP].labels(*labels).set(OPENED + (rank != "7"))
            gauges[metrics.FAULT_CONFIDENCE].labels(*labels).set(1.0)
    return generate_latest(registry).decode()


class Way(NamedTuple):
    """The stations between the page and the person."""

    page: Page
    prometheus: Server
    alertmanager: Server
    mailbox: Mailbox
    telephone: SmsInbox


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("way")
    page = Page()
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        telephone = stack.enter_context(running_sns_server())
        addresses = Addresses(smtp=mailbox.port, sns=telephone.port)
        routes = write_alertmanager(ROOT, folder / "alertmanager", addresses)
        _wait_for_all(routes)
        alertmanager = stack.enter_context(running_alertmanager(routes, folder))
        sidecar = stack.enter_context(serving_page(page.text))
        addresses = addresses._replace(sidecar=sidecar, alertmanager=alertmanager.port)
        rules = write_prometheus(ROOT, folder / "prometheus", addresses)
        yield Way(page, stack.enter_context(running_prometheus(rules, folder)), alertmanager, mailbox, telephone)


def firing(way: Way) -> list[dict[str, dict[str, str]]]:
    """Return the fault's alerts that fire in Prometheus."""
    alerts = way.prometheus.get("/api/v1/alerts")["data"]["alerts"]
    mine = [alert for alert in alerts if alert["labels"]["alertname"] == alert_name(FAULT.name)]
    return [alert for alert in mine if alert["state"] == "firing"]


def scraped(way: Way, metric: str) -> list[object]:
    """Return what Prometheus has of a metric."""
    series: list[object] = way.prometheus.get("/api/v1/query", query=metric)["data"]["result"]
    return series


def gathered(way: Way) -> list[dict[str, object]]:
    """Return the fault's alerts that Alertmanager has."""
    alerts: list[dict[str, object]] = way.alertmanager.get(
        "/api/v2/alerts", filter=f'alertname="{alert_name(FAULT.name)}"'
    )
    return alerts


def ended(way: Way) -> int:
    """Return of how many ranks the end was told: all in one mail, unless the machine is too busy to end all at once."""
    mails = [mail for mail in way.mailbox.mails if "nonfinite loss" in mail.subject]
    numbers = [re.search(ALL if "RESOLVED" in mail.subject else ENDED, mail.text) for mail in mails]
    return sum(int(number[1]) for number in numbers if number)


def tell(way: Way) -> None:
    """Have Alertmanager tell what it has gathered: an alert that has waited for the group's wait already ends it.

    Its alerts are taken in one after the other, so this one comes after all that are there.
    """
    known = gathered(way)[0]
    early = {**{key: known[key] for key in ("labels", "annotations", "endsAt")}, "startsAt": "2023-11-14T22:13:20Z"}
    way.alertmanager.post("/api/v2/alerts", [early])


def test_a_thousand_ranks_from_the_page_to_the_telephone(way: Way) -> None:
    """A NaN on a thousand ranks becomes one e-mail and one SMS with its evidence; the end of all is told by e-mail."""
    wait_until(lambda: scraped(way, metrics.SIGNAL_VALUE.name), "a scrape")
    assert firing(way) == []
    way.page.is_open = True
    wait_until(lambda: len(gathered(way)) == RANKS, "the alerts to arrive")
    tell(way)
    alerts = firing(way)
    assert len(alerts) == RANKS
    assert not any("error" in text for alert in alerts for text in alert["annotations"].values())
    mail = way.mailbox.wait_for("(and 999 more ranks)")
    assert mail.subject == f"[CRITICAL] nonfinite loss: run {RUN}, rank 7, step 1234567 (and 999 more ranks)"
    assert "The loss is NaN or infinite." in mail.text
    assert "Evidence: Newest loss: NaN." in mail.text
    assert "2023-11-14 22:13:20 UTC" in mail.text
    sms = way.telephone.wait_for("(+999 ranks)")
    named = 'run ?n?code "run" ? ? .X ? rank 7 (+999 ranks), step 1234567'
    assert sms.text == f"CRITICAL nonfinite loss: {named}, since 22:13 UTC, 100% sure"
    print(f"{RANKS} ranks: {_seconds_of_evaluation(way):.2f} s to evaluate the rules with all their annotations")
    assert [mail.subject for mail in way.mailbox.mails if "nonfinite loss" in mail.subject] == [mail.subject]
    way.page.is_open = False
    way.mailbox.wait_for("[RESOLVED] nonfinite loss")
    assert ended(way) == RANKS
    assert way.telephone.messages() == [sms]


def test_the_commands_of_the_runbooks_run(way: Way) -> None:
    """Every promtool and amtool command of the runbooks is accepted by the real programs."""
    ours = [command for command in commands(RUNBOOKS.read_text()) if command[0] in {"promtool", "amtool"}]
    assert len(ours) > 20
    for program, *arguments in ours:
        command = [str(find_program(program)), *(_here(argument, way) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _wait_for_all(config: Path) -> None:
    """Let the ranks gather for as long as a busy machine needs, until `tell`."""
    document = load(config)
    for route in [document["route"], *document["route"]["routes"]]:
        route["group_wait"] = "1h"
    config.write_text(yaml.safe_dump(document))


def _here(argument: str, way: Way) -> str:
    usual = {"http://localhost:9090": way.prometheus.url, "http://localhost:9093": way.alertmanager.url}
    for address, ours in usual.items():
        argument = argument.replace(address, ours)
    return argument


def _seconds_of_evaluation(way: Way) -> float:
    groups = way.prometheus.get("/api/v1/rules")["data"]["groups"]
    return max(float(group["evaluationTime"]) for group in groups if group["name"] == "runvitals-faults")

"""Each way out of a real Alertmanager: told, told again, told that it is over; not told what is muted or silenced."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import yaml

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager
from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import ALERTMANAGER, load
from tests.programs import ROOT
from tests.servers import (
    LOOPBACK,
    Mailbox,
    Server,
    SmsInbox,
    running_alertmanager,
    running_mail_server,
    running_sns_server,
    wait_until,
)
from tests.sinks.alertmanagers import Receiver, receiving

pytestmark = pytest.mark.slow

GROUP_SECONDS, REPEAT_SECONDS = 1, 3
CAUSE, SYMPTOM = faults.SERVER_DOWN, faults.LATENCY_DEGRADED
RUN = 'a "run" \\ +1 é'


class Station(NamedTuple):
    """Alertmanager and where its messages go: how many on a fault have come by each way."""

    alertmanager: Server
    mailbox: Mailbox
    telephone: SmsInbox
    hook: Receiver

    def send(self, fault: faults.Fault, **more: str) -> None:
        """Hand over the alert on a fault of the run."""
        labels = {"alertname": alert_name(fault.name), "run": RUN, "rank": "a", "fault": fault.name}
        labels |= {"category": fault.category, "severity": fault.severity}
        self.alertmanager.post("/api/v2/alerts", [{"labels": labels, "annotations": {"step": "7"}, **more}])

    def told(self, fault: faults.Fault, status: str = "firing") -> tuple[int, int, int]:
        """Return how many mails, SMS and posts have come on a fault, with this status."""
        words = fault.name.replace("_", " ")
        mark = "RESOLVED" if status == "resolved" else fault.severity.upper()
        mails = [one for one in self.mailbox.mails if one.subject.startswith(f"[{mark}] {words}")]
        sms = [one for one in self.telephone.messages() if one.text.startswith(f"{mark} {words}")]
        posts = [
            one
            for one in self.hook.posts
            if one["status"] == status and one["commonLabels"].get("alertname") == alert_name(fault.name)
        ]
        return len(mails), len(sms), len(posts)

    def wait_for(self, fault: faults.Fault, status: str, *least: int) -> None:
        """Wait until at least so many have come by each way."""
        wait_until(
            lambda: all(has >= wanted for has, wanted in zip(self.told(fault, status), least, strict=True)),
            f"{least} messages on {fault.name} that is {status}",
        )


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        telephone = stack.enter_context(running_sns_server())
        hook = stack.enter_context(receiving(path="/runvitals"))
        config = write_alertmanager(ROOT, tmp_path, Addresses(smtp=mailbox.port, sns=telephone.port))
        _with_a_webhook(config, f"http://{LOOPBACK}:{hook.port}/runvitals")
        yield Station(stack.enter_context(running_alertmanager(config, tmp_path)), mailbox, telephone, hook)


def _with_a_webhook(path: Path, url: str) -> None:
    """Add the shipped alternative, and shorten all times."""
    config, fragment = load(path), load(ALERTMANAGER / "receivers" / "webhook.yml")
    [hook] = fragment["receivers"][0]["webhook_configs"]
    hook["url"] = url
    del hook["http_config"]
    config["route"]["routes"] = fragment["routes"] + config["route"]["routes"]
    config["receivers"] += fragment["receivers"]
    for route in [config["route"], *config["route"]["routes"]]:
        route.update(group_wait="1s", group_interval=f"{GROUP_SECONDS}s", repeat_interval=f"{REPEAT_SECONDS}s")
    path.write_text(yaml.safe_dump(config))


def silence(station: Station, link: str) -> None:
    """Make the silence that the link of a mail leads to."""
    filters = unquote(link.partition("?filter=")[2])
    found = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', filters)
    matchers: list[dict[str, Any]] = [
        {"name": name, "value": re.sub(r"\\(.)", r"\1", value), "isRegex": False, "isEqual": True}
        for name, value in found
    ]
    now = datetime.now(timezone.utc)
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    station.alertmanager.post(
        "/api/v2/silences", {"matchers": matchers, **times, "createdBy": "test", "comment": "known"}
    )


def states(station: Station) -> dict[str, str]:
    """Return how each alert stands."""
    return {one["labels"]["fault"]: one["status"]["state"] for one in station.alertmanager.get("/api/v2/alerts")}


def test_every_way_tells_repeats_ends_and_keeps_silent(station: Station) -> None:
    """A critical fault comes by mail, SMS and webhook, again while it stays; its end by all but SMS; what it explains,
    and what is silenced by the mail's own link, by none."""
    station.send(SYMPTOM)
    station.send(CAUSE)
    station.wait_for(CAUSE, "firing", 2, 2, 2)
    assert states(station) == {CAUSE.name: "active", SYMPTOM.name: "suppressed"}
    assert station.told(SYMPTOM) == (0, 0, 0)
    station.send(CAUSE, endsAt=datetime.now(timezone.utc).isoformat())
    station.wait_for(CAUSE, "resolved", 1, 0, 1)
    link = re.search(r"Silence: (\S+)", station.mailbox.wait_for("[WARNING] latency degraded").text)
    assert link
    silence(station, link[1])
    wait_until(lambda: states(station).get(SYMPTOM.name) == "suppressed", "the silence")
    time.sleep(1.0)  # a message that is on its way arrives
    before = station.told(SYMPTOM)
    time.sleep(REPEAT_SECONDS + 2 * GROUP_SECONDS)
    assert station.told(SYMPTOM) == before
    assert station.told(CAUSE, "resolved")[1] == 0
    log = station.alertmanager.log.read_text()
    assert "level=error" not in log
    assert "level=warn" not in log

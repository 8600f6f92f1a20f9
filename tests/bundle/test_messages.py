"""What arrives: a real Alertmanager with the shipped routes and templates, a mail server and an SNS endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager
from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import ALERTS
from tests.programs import ROOT
from tests.servers import (
    Mail,
    Mailbox,
    Server,
    SmsInbox,
    running_alertmanager,
    running_mail_server,
    running_sns_server,
    wait_until,
)

pytestmark = pytest.mark.slow

NOW = datetime.now(timezone.utc)
GSM_ONE_PLACE = re.compile(r"[ -Z_a-z]{1,160}")
HOSTILE = "é'\"`{{ .X }}</td><script>alert(1)</script>\r\nBcc: thief@example.com\n\n\u202e[x](javascript:1) %s 名前\\"

Alert = dict[str, Any]  # what Alertmanager's API takes


class Station(NamedTuple):
    """Alertmanager and the two places to which it sends."""

    alertmanager: Server
    mailbox: Mailbox
    telephone: SmsInbox

    def send(self, *alerts: Alert) -> None:
        """Hand alerts to Alertmanager as Prometheus does."""
        self.alertmanager.post("/api/v2/alerts", list(alerts))

    def wait_for_state(self, run: str, state: str) -> list[Alert]:
        """Wait until all alerts of a run are active, or suppressed, and return them."""

        def all_in_state() -> list[Alert]:
            alerts = self.alertmanager.get("/api/v2/alerts", filter=f'run="{run}"')
            return alerts if all(alert["status"]["state"] == state for alert in alerts) else []

        return wait_until(all_in_state, f"the alerts of {run} to be {state}")

    def mails_about(self, words: str) -> list[Mail]:
        """Return the mails received so far whose subject holds these words."""
        return [mail for mail in self.mailbox.mails if words in mail.subject]

    def sms_about(self, words: str) -> list[str]:
        """Return the texts of the SMS received so far that hold these words."""
        return [sms.text for sms in self.telephone.messages() if words in sms.text]


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("alertmanager")
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        telephone = stack.enter_context(running_sns_server())
        config = write_alertmanager(ROOT, folder, Addresses(smtp=mailbox.port, sns=telephone.port))
        yield Station(stack.enter_context(running_alertmanager(config, folder)), mailbox, telephone)


@pytest.fixture
def run() -> str:
    """A run of its own for each test, so that they share one Alertmanager."""
    return f"llama-{uuid4().hex[:8]}"


def alert_of(fault: faults.Fault, run: str, rank: str = "3", *, step: str = "4117", seconds: float = 0.0) -> Alert:
    """Return the alert on a fault as the shipped rules make it, opened so many seconds after the first."""
    name = alert_name(fault.name)
    opened = NOW + timedelta(seconds=seconds)
    shipped = ALERTS[name]["annotations"]
    return {
        "labels": {
            "alertname": name,
            "run": run,
            "rank": rank,
            "fault": fault.name,
            "category": fault.category,
            "severity": fault.severity,
        },
        "annotations": {
            "summary": shipped["summary"],
            "description": f"Rank {rank} of run {run} is ill. The newest loss is NaN. First: {fault.first_action}",
            "action": shipped["action"],
            "step": step,
            "opened": f"{opened:%Y-%m-%d %H:%M:%S}.{opened.microsecond:06d} +0000 UTC",
            "confidence": "87.5%",
            "runbook_url": shipped["runbook_url"],
        },
        "generatorURL": "http://prometheus.example/graph?g0.expr=x",
    }


def ended(alert: Alert) -> Alert:
    """Return the alert as it is handed over when it ends."""
    return {**alert, "startsAt": NOW.isoformat(), "endsAt": datetime.now(timezone.utc).isoformat()}


def pipeline_alert(name: str, **labels: str) -> Alert:
    """Return an alert on the watchers as the shipped rules make it."""
    rule = ALERTS[name]
    return {"labels": {"alertname": name, **rule["labels"], **labels}, "annotations": rule["annotations"]}


def one_line(html: str) -> str:
    """Return the words of an HTML page."""
    without_style = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without_style).split())


def test_a_critical_fault_is_mailed_and_rung(station: Station, run: str) -> None:
    """The e-mail and the SMS name the run, the rank, the fault and the step; the e-mail says what to do first."""
    fault = faults.GRADIENT_EXPLOSION
    station.send(alert_of(fault, run))
    mail = station.mailbox.wait_for(run)
    assert mail.subject == f"[CRITICAL] gradient explosion: run {run}, rank 3, step 4117"
    for body in (mail.text, one_line(mail.html)):
        assert fault.summary in body
        assert fault.first_action in " ".join(body.split())
        assert body.count(fault.first_action) == 1
        for words in (run, "4117", "87.5%", "The newest loss is NaN.", f"{NOW:%Y-%m-%d %H:%M:%S} UTC"):
            assert words in body
    assert ALERTS[alert_name(fault.name)]["annotations"]["runbook_url"] in mail.text
    assert f'href="{ALERTS[alert_name(fault.name)]["annotations"]["runbook_url"]}"' in mail.html
    sms = station.telephone.wait_for(run)
    expected = f"CRITICAL gradient explosion: run {run} rank 3, step 4117, since {NOW:%H:%M} UTC, 87.5% sure"
    assert sms.text == expected
    assert re.fullmatch(r"\+[1-9]\d+", sms.number)


def test_a_warning_is_mailed_only(station: Station, run: str) -> None:
    """A warning reaches the mailbox, and no telephone rings."""
    station.send(alert_of(faults.LOSS_SPIKE, run))
    assert station.mailbox.wait_for(run).subject.startswith("[WARNING] loss spike")
    assert station.sms_about(run) == []


def test_what_is_only_information_reaches_nobody(station: Station, run: str) -> None:
    """A fault whose severity was overridden to info, and the watchdog, disturb nobody."""
    quiet = alert_of(faults.RUN_CRASHED, run)
    quiet["labels"]["severity"] = "info"
    marker = alert_of(faults.RUN_CRASHED, f"{run}-marker")
    station.send(quiet, pipeline_alert("RunvitalsWatchdog", run=run), marker)
    station.telephone.wait_for(f"{run}-marker")
    station.mailbox.wait_for(f"{run}-marker")
    station.wait_for_state(run, "active")
    assert station.mails_about(f"{run},") == []
    assert station.sms_about(f"{run} ") == []
    assert station.mails_about("Watchdog") == []


def test_a_thousand_ranks_are_one_mail_and_one_sms(station: Station, run: str) -> None:
    """One fault on a thousand ranks is one message each way, which says how many and names the rank that was first."""
    first = 617
    ranks = [
        alert_of(faults.NONFINITE_LOSS, run, str(rank), step=str(5000 + rank), seconds=abs(rank - first) / 1000)
        for rank in range(1000)
    ]
    station.send(*ranks)
    mail = station.mailbox.wait_for(run)
    sms = station.telephone.wait_for(run)
    assert mail.subject == f"[CRITICAL] nonfinite loss: run {run}, rank 617, step 5617 (and 999 more ranks)"
    assert f"run {run} rank 617 (+999 ranks), step 5617" in sms.text
    assert GSM_ONE_PLACE.fullmatch(sms.text)
    for body in (mail.text, one_line(mail.html)):
        assert "617 first, and 999 more" in body
        assert len(re.findall(r"rank \d+, step \d+, since", body)) == 20
        assert "1000 in all, of which twenty" in body
    assert len(mail.raw) < 20_000
    station.send(ended(ranks[0]))  # the group has changed: whatever was held back would come now
    wait_until(lambda: len(station.mails_about(run)) > 1, "the message on the change")
    again = station.mails_about(run)[1]
    assert "(and 998 more ranks)" in again.subject
    assert "No longer reported: 1." in again.text
    assert len(station.mails_about(run)) == 2


@pytest.mark.parametrize(
    ("cause", "symptom", "other_rank"),
    [
        (faults.GRADIENT_EXPLOSION, faults.LOSS_SPIKE, True),
        (faults.NONFINITE_LOSS, faults.LOSS_SPIKE, True),
        (faults.NONFINITE_GRADIENT, faults.LOSS_SPIKE, True),
        (faults.NONFINITE_LOSS, faults.NONFINITE_GRADIENT, False),
        (faults.RUN_CRASHED, faults.HANG, False),
        (faults.RUN_CRASHED, faults.MISSING_RANKS, True),
        (faults.HANG, faults.STEP_DRIFT, True),
        (faults.MISSING_RANKS, faults.STEP_DRIFT, True),
        (faults.STRAGGLER, faults.STEP_DRIFT, True),
        (faults.SERVER_DOWN, faults.REPLICA_OUTLIER, False),
    ],
    ids=lambda value: value.name if isinstance(value, faults.Fault) else "",
)
def test_a_cause_mutes_its_symptom(
    station: Station, run: str, cause: faults.Fault, symptom: faults.Fault, other_rank: bool
) -> None:
    """The symptom of a cause on the same run, or rank where it is the rank's own, is not told; on another run it is."""
    muted = alert_of(symptom, run, "5" if other_rank else "3")
    heard = [alert_of(symptom, f"{run}-other")] + ([] if other_rank else [alert_of(symptom, f"{run}-same", "4")])
    same_run = [] if other_rank else [alert_of(cause, f"{run}-same", "3")]
    station.send(alert_of(cause, run), muted, *same_run, *heard)
    station.mailbox.wait_for(f"{cause.name.replace('_', ' ')}: run {run},")
    for alert in heard:
        station.mailbox.wait_for(f"{symptom.name.replace('_', ' ')}: run {alert['labels']['run']},")
    states = {
        alert["labels"]["fault"]: alert["status"]["state"]
        for alert in station.alertmanager.get("/api/v2/alerts", filter=f'run="{run}"')
    }
    assert states == {cause.name: "active", symptom.name: "suppressed"}
    assert station.mails_about(f"{symptom.name.replace('_', ' ')}: run {run},") == []


@pytest.mark.parametrize("cause", ["RunvitalsTargetDown", "RunvitalsSnapshotStale"])
def test_a_sidecar_that_is_down_has_no_say_on_its_sources(station: Station, cause: str) -> None:
    """Of a sidecar that is down its sources are not told as well; those of another sidecar are."""
    here, there = f"{uuid4().hex[:8]}:9877", f"{uuid4().hex[:8]}:9877"
    source = {"job": "runvitals", "source": "statsd", "kind": "statsd"}
    station.send(
        pipeline_alert(cause, job="runvitals", instance=here),
        pipeline_alert("RunvitalsSourceDown", instance=here, **source),
        pipeline_alert("RunvitalsSourceDown", instance=there, **source),
    )
    mail = wait_until(lambda: station.mails_about(f"{cause}: {here}"), f"the mail on {here}")[0]
    assert f"Sidecar:  {here}" in mail.text
    station.telephone.wait_for(f"CRITICAL {cause}: {here}, since ")
    other = wait_until(
        lambda: [mail for mail in station.mails_about("SourceDown") if there in mail.text], "the source"
    )[0]
    assert "Source:   statsd" in other.text
    assert not any(here in mail.text for mail in station.mails_about("SourceDown"))


def test_a_recovery_is_mailed_and_not_rung(station: Station, run: str) -> None:
    """When the fault is over a resolved e-mail says so, with the same run, rank and step, and no telephone rings."""
    alert = alert_of(faults.HANG, run)
    station.send(alert)
    station.mailbox.wait_for(f"[CRITICAL] hang: run {run}")
    station.telephone.wait_for(run)
    station.send(ended(alert))
    mail = station.mailbox.wait_for(f"[RESOLVED] hang: run {run}, rank 3, step 4117")
    for body in (mail.text, one_line(mail.html)):
        assert "No longer reported: it has recovered" in body
        assert f"It was: {faults.HANG.summary}" in body
        assert "Until" in body
        assert "First action" not in body
    assert len(station.sms_about(run)) == 1


def test_a_run_that_was_repaired_and_falls_ill_again_is_told_again(station: Station, run: str) -> None:
    """A fault that comes back after its end is a new message, on the telephone too."""
    alert = alert_of(faults.HANG, run)
    station.send(alert)
    station.telephone.wait_for(run)
    station.send(ended(alert))
    station.mailbox.wait_for(f"[RESOLVED] hang: run {run}")
    station.send({**alert, "startsAt": datetime.now(timezone.utc).isoformat()})
    wait_until(lambda: len(station.sms_about(run)) == 2, "the second SMS")
    wait_until(lambda: len(station.mails_about(f"[CRITICAL] hang: run {run}")) == 2, "the second e-mail")


def test_hostile_names_arrive_harmless(station: Station, run: str) -> None:
    """Quotes, markup, line ends, template code and direction marks in a name do not act on mail, page or telephone."""
    alert = alert_of(faults.GRADIENT_EXPLOSION, f"{run} {HOSTILE}", HOSTILE)
    alert["annotations"]["runbook_url"] = "javascript:alert(1)"
    station.send(alert)
    mail = station.mailbox.wait_for(run)
    assert mail.recipients == ("you@example.com",)
    assert mail.message["Bcc"] is None
    assert not any(line.startswith(b"Bcc:") for line in mail.raw.splitlines())
    assert "\n" not in mail.subject
    assert "名前" in mail.text, "a name that is not Latin is kept where it can be shown"
    assert "\u202e" not in mail.subject + mail.text + mail.html
    assert "\nBcc:" not in mail.text
    assert "<script" not in mail.html
    assert "javascript:" not in re.sub(r">[^<]*<", "><", mail.html), "in no attribute"
    sms = station.telephone.wait_for(run)
    assert GSM_ONE_PLACE.fullmatch(sms.text), sms.text
    assert "gradient explosion" in sms.text
    assert "step 4117" in sms.text


def test_an_sms_has_at_most_160_characters(station: Station, run: str) -> None:
    """With the longest of everything an SMS still fits, and still holds the beginning of each name and the step."""
    alerts = [
        alert_of(faults.NONFINITE_GRADIENT, f"{run}-" + "名" * 500, f"{rank}-" + "r" * 500) for rank in range(1200)
    ]
    for alert in alerts:
        alert["labels"]["severity"] = "critical"
        alert["labels"]["fault"] = "f" * 500
        alert["annotations"].update(step="9" * 500, confidence="1" * 500, opened="x" * 500, description="y" * 9000)
    station.send(*alerts)
    sms = station.telephone.wait_for(run)
    assert GSM_ONE_PLACE.fullmatch(sms.text), (len(sms.text), sms.text)
    assert f"run {run}-" in sms.text
    assert "step 999999999999," in sms.text
    mail = station.mailbox.wait_for(run)
    assert len(mail.subject) < 900  # a header line may have 998
    assert len(mail.raw) < 60_000


def test_an_alert_without_anything_is_still_told(station: Station, run: str) -> None:
    """A message whose labels and annotations are missing is poor, but it arrives."""
    station.send(
        {"labels": {"alertname": f"Odd{run}"}}, {"labels": {"alertname": f"Worse{run}", "severity": "critical"}}
    )
    assert station.mailbox.wait_for(f"Odd{run}").subject == f"[ALERT] Odd{run}"
    assert station.telephone.wait_for(f"Worse{run}").text.startswith(f"CRITICAL Worse{run}, since ")
    bare = alert_of(faults.RUN_CRASHED, run)
    bare["annotations"] = {}
    station.send(bare)
    assert "step unknown" in station.telephone.wait_for(f"run {run}").text
    assert "Step:     unknown" in station.mailbox.wait_for(f"run {run}").text


def test_nothing_went_wrong_in_alertmanager(station: Station) -> None:
    """After all of the above no message has failed."""
    log = station.alertmanager.log.read_text()
    assert "level=error" not in log
    assert "level=warn" not in log

"""`runvitals drill` before a real Alertmanager with the shipped routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager
from runvitals.cli import main
from tests.bundle.shipped import ALERTMANAGER, run_program
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

pytestmark = pytest.mark.slow


class Station(NamedTuple):
    """Alertmanager and the two places to which it sends."""

    alertmanager: Server
    mailbox: Mailbox
    telephone: SmsInbox


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("drill")
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        telephone = stack.enter_context(running_sns_server())
        config = write_alertmanager(ROOT, folder, Addresses(smtp=mailbox.port, sns=telephone.port))
        yield Station(stack.enter_context(running_alertmanager(config, folder)), mailbox, telephone)


def drill(station: Station, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["drill", "--alertmanager", station.alertmanager.url, *arguments])
    return code, capsys.readouterr().out


def test_a_drill_goes_the_way_of_a_real_alert_and_says_what_it_is(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names who is told, and they are: subject, mail and SMS say that it is a drill before anything else."""
    code, said = drill(station, capsys)
    assert code == 0
    assert re.search(r"receiver sms: sns\n +receiver email: email", said)
    mail = station.mailbox.wait_for("[DRILL] [CRITICAL] gradient explosion: run runvitals-drill-")
    for body in (mail.text, mail.html):
        assert "This is a drill: nothing is wrong." in body
    assert station.telephone.wait_for("DRILL CRITICAL gradient explosion: run runvitals-drill-")


def test_a_warning_is_mailed_and_information_is_told_to_nobody(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    """The severity of the fault decides; that nobody is told is an exit code of its own."""
    code, said = drill(station, capsys, "--fault", "loss_spike")
    assert (code, "receiver email: email" in said, "sms" in said) == (0, True, False)
    code, said = drill(station, capsys, "--fault", "plateau")
    assert code == 3
    assert "NOBODY IS TOLD\n  receiver null: tells nobody" in said


def test_a_silence_is_found(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody has silenced a whole team: the drill says so instead of passing."""
    now = datetime.now(timezone.utc)
    matcher = {"name": "team", "value": "vision", "isRegex": False, "isEqual": True}
    station.alertmanager.post(
        "/api/v2/silences",
        {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "test",
            "comment": "on holiday",
        },
    )
    wait_until(lambda: station.alertmanager.get("/api/v2/silences"), "the silence")
    code, said = drill(station, capsys, "--label", "team=vision")
    assert code == 3
    assert re.search(r"silenced by [0-9a-f-]+", said)


def test_quiet_hours_are_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether an hour is quiet Alertmanager does not say; that there are such hours the drill does."""
    shipped = yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text())
    shipped["global"].pop("smtp_auth_password_file")
    shipped["templates"] = [str(ALERTMANAGER / "templates" / "*.tmpl")]
    config = tmp_path / "alertmanager.yml"
    config.write_text(yaml.safe_dump(shipped))
    with running_alertmanager(config, tmp_path) as alertmanager:
        assert main(["drill", "--alertmanager", alertmanager.url, "--fault", "plateau"]) == 3
    assert "some routes have hours (quiet-hours)" in capsys.readouterr().out


def test_no_alertmanager_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody answers: 1. No URL, or a label that is none: 2."""
    assert main(["drill", "--alertmanager", f"http://{LOOPBACK}:1"]) == 1
    assert main(["drill"]) == 2
    assert main(["drill", "--alertmanager", "localhost:9093"]) == 2
    assert main(["drill", "--alertmanager", f"http://{LOOPBACK}:1", "--label", "team"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_monthly_drill_fires_on_the_first_monday_at_nine(tmp_path: Path) -> None:
    """For ten minutes, and at no other time around it."""
    rule = ALERTMANAGER / "drill.yml"
    document = yaml.safe_load(rule.read_text())["groups"][0]["rules"][0]
    alert = {"exp_labels": document["labels"], "exp_annotations": document["annotations"]}
    cases = {"4d8h55m": [], "4d9h5m": [alert], "4d9h10m": [], "11d9h5m": []}  # 1970 began on a Thursday
    tests = [
        {"eval_time": time, "alertname": document["alert"], "exp_alerts": expected} for time, expected in cases.items()
    ]
    file = tmp_path / "test.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(rule)],
                "evaluation_interval": "5m",
                "tests": [{"interval": "5m", "alert_rule_test": tests}],
            }
        )
    )
    run_program("promtool", "check", "rules", "--lint=all", "--lint-fatal", rule)
    assert "SUCCESS" in run_program("promtool", "test", "rules", file)

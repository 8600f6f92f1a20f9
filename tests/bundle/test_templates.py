"""What the templates write, rendered by amtool: short messages, links and drills, whatever the names hold."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.mails import HOSTILE, alert, message, rendered

GSM_ONE_PLACE = re.compile(r"[ -Z_a-z]{1,160}")


def sms(folder: Path, *alerts: dict[str, object]) -> str:
    return rendered("runvitals.sms", message(*alerts), folder, "text").strip()


def of(fault: faults.Fault, opened: str, **labels: str) -> dict[str, object]:
    """Return the alert on a fault, opened at this time of the day."""
    made = alert(fault=fault.name, alertname=alert_name(fault.name), **labels)
    made["annotations"]["opened"] = f"2026-05-04 {opened} +0000 UTC"
    return made


def test_of_several_faults_an_sms_names_the_newest(tmp_path: Path) -> None:
    """All that is critical on a run is one group for the telephone: what is new in it is what it rings for."""
    told = sms(tmp_path, of(faults.HANG, "20:15:00"), of(faults.NONFINITE_LOSS, "19:00:00"))
    assert told == "CRITICAL hang: run llama-pretrain rank 3 (+1 more), step 4117, since 20:15 UTC, 87.5% sure"


def test_of_one_fault_an_sms_names_the_rank_that_was_first(tmp_path: Path) -> None:
    """That one is nearest to the cause."""
    told = sms(tmp_path, of(faults.HANG, "20:15:00"), of(faults.HANG, "20:14:00", rank="7"))
    assert told.startswith("CRITICAL hang: run llama-pretrain rank 7 (+1 ranks), step 4117, since 20:14 UTC")


@pytest.mark.parametrize("drill", ["", "true"], ids=["real", "drill"])
def test_an_sms_fits_whatever_it_holds(tmp_path: Path, drill: str) -> None:
    """At most 160 characters, each of one place in the GSM alphabet, with the longest of everything."""
    labels = {"drill": drill} if drill else {}
    worst = alert(HOSTILE, "r" * 500, fault="f" * 500, severity="s" * 500, **labels)
    worst["annotations"].update(step="9" * 500, confidence="1" * 500, opened="x" * 500)
    told = sms(tmp_path, *[worst] * 1200)
    assert GSM_ONE_PLACE.fullmatch(told), (len(told), told)
    assert told.startswith("DRILL ") == bool(drill)


@pytest.mark.parametrize("name", [HOSTILE, 'a "b" \\ c+d&e=f\nnew'], ids=["hostile", "odd"])
def test_a_silence_is_for_this_run_alone(tmp_path: Path, name: str) -> None:
    """The link carries matchers for the alert and the run as they are, in the mail's text and in its HTML."""
    text = rendered("runvitals.email.text", message(alert(name, cluster="blue")), tmp_path, "text")
    [link] = re.findall(r"^Silence: (\S+)$", text, re.MULTILINE)
    assert link.startswith("https://alerts.example.com/#/silences/new?filter=%7B")
    matchers = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', unquote(link.partition("filter=")[2])))
    read = {
        key: re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)
        for key, value in matchers.items()
    }
    assert read == {"alertname": "RunvitalsGradientExplosion", "cluster": "blue", "run": name}
    html = rendered("runvitals.email.html", message(alert(name, cluster="blue")), tmp_path)
    assert f'<a href="{link}">Silence</a>' in html


def test_links_lead_to_no_script(tmp_path: Path) -> None:
    """An address that is none of the web is not made a link."""
    odd = alert()
    odd["annotations"].update(runbook_url="javascript:alert(1)", dashboard_url="javascript:alert(2)")
    html = rendered("runvitals.email.html", message(odd), tmp_path)
    assert "javascript:" not in html


def test_a_name_rings_no_channel(tmp_path: Path) -> None:
    """Slack's own signs are written as what they are."""
    for template in ("runvitals.slack.title", "runvitals.slack.text"):
        text = rendered(template, message(alert("<!channel> & <@U1>")), tmp_path, "text")
        assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in text
        assert "<" not in text


def test_a_mail_says_what_was_seen_once(tmp_path: Path) -> None:
    """The evidence does not repeat what the lines above it say; alone, the head of the description stays."""
    data = message(alert())
    assert "Evidence: The gradient norm was 41.3; 0.8 to 1.4 was expected.\n" in rendered(
        "runvitals.email.text", data, tmp_path, "text"
    )
    data["alerts"][0]["annotations"]["description"] = "It explodes. Rank 3 of run x (87.5% sure). First: Stop."
    text = rendered("runvitals.email.text", data, tmp_path, "text")
    assert "Evidence: It explodes. Rank 3 of run x (87.5% sure).\n" in text

"""The page of one incident, and its export."""

from __future__ import annotations

import json

import pytest

from runvitals.exposition.incident_json import incident_json
from runvitals.exposition.status_page.incident_page import incident_page
from runvitals.values import Consequence, Evidence, HistoryEntry, OnsetSample
from tests.exposition.conftest import Serve
from tests.exposition.html_reader import Reader
from tests.exposition.requests import ask
from tests.exposition.snapshots import NOW, FixedBackend, closed_finding, finding, incident_record, snapshot
from tests.exposition.test_status_page import HOSTILE


def test_everything_that_is_kept_is_on_the_page() -> None:
    """Evidence with what was expected, history with notes, first action, runbook, settings, export, and pictures."""
    page = Reader(incident_page(incident_record(finding(cause="root", category_confidence=0.9)), NOW))
    for part in (
        "gradient_explosion on  llama , rank  0 ",
        "still open",
        "Clip the gradient & lower the learning rate.",
        "grad_norm is 40 times the median.",
        "0.5 to 6",
        "inf",
        "asked the data team",
        "fdf61683af48",
        "90% sure by its circumstances",
    ):
        assert part in page.text, part
    links = {one["href"] for one in page.all("a")}
    assert "llama-0-gradient_explosion-1.json" in links
    assert "../incidents/root" in links
    assert any(link and link.endswith("runbooks.md#RunvitalsGradientExplosion") for link in links)


def test_the_pictures_show_the_onset_the_evidence_first() -> None:
    """A picture for each signal, with the opening marked in it, also in words."""
    page = Reader(incident_page(incident_record(finding()), NOW))
    pictures = [one for one in page.all("svg") if one.get("role") == "img"]
    assert len(pictures) == 3
    text = page.text[page.text.index("Around the onset") :]
    assert text.index("grad_norm") < text.index("learning_rate")
    assert text.index("loss") < text.index("learning_rate")
    assert "40 values, from 1 (step 900) to 7 (step 906)" in text
    assert "#1 gradient_explosion (critical): grad_norm is 40 times the median." in text


def test_a_closed_one_says_when_and_why() -> None:
    """And how long it lasted, at whatever time one looks."""
    text = Reader(incident_page(incident_record(closed_finding()), NOW + 1e6)).text
    assert "recovered" in text
    assert "1 min 40 s" in text


def test_what_followed_from_it_has_links() -> None:
    """Each consequence leads to its own page."""
    caused = finding(consequences=[Consequence("divergence", "abc", "3", NOW, 950, ranks=4)])
    page = Reader(incident_page(incident_record(caused), NOW))
    assert "../incidents/abc" in {one["href"] for one in page.all("a")}
    assert "and 3 more" in page.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(name: str) -> None:
    """Whatever stands in the journal adds no element, and no value that is not finite fails a picture."""

    def page(name: str) -> Reader:
        hostile = finding(
            id=name, fault=name, run=name, category=name, first_action=name, evidence=[Evidence(name, name, name)]
        )
        history = (HistoryEntry(name, NOW, 1, name),)
        values = enumerate((1.0, float("nan"), float("inf"), -1e308, 1e308))
        onset = tuple(OnsetSample(NOW, step, name, value) for step, value in values)
        return Reader(incident_page(incident_record(hostile, history=history, onset=onset), NOW))

    assert page(name).tags() == page("x").tags()
    assert page(name).text.count(name) >= 6


def test_a_huge_incident_is_cut_and_says_so() -> None:
    """Ten thousand lines of history, a thousand signals: the newest lines, twelve pictures, the export has the rest."""
    history = tuple(HistoryEntry("changed", NOW + line, line, f"line {line}") for line in range(10_000))
    onset = tuple(OnsetSample(NOW, step, f"signal_{number}", 1.0) for step in range(64) for number in range(100))
    evidence = [Evidence(f"piece {number}") for number in range(1000)]
    page = incident_page(incident_record(finding(evidence=evidence), history=history, onset=onset), NOW)
    assert len(page) < 400_000
    text = Reader(page).text
    for part in ("9,800 more older entries", "88 more signals", "900 more pieces of evidence", "line 9999"):
        assert part in text, part


def test_the_server_serves_page_and_export(serve: Serve) -> None:
    """The export is what the command writes, to be kept as a file; the page is found behind the same ID."""
    backend = FixedBackend(snapshot())
    record = incident_record(closed_finding())
    backend.journal = [record]
    server = serve(backend)
    page = ask(server, "/incidents/llama-0-loss_spike-1")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    export = ask(server, "/incidents/llama-0-loss_spike-1.json")
    assert json.loads(export.body) == json.loads(incident_json(record))
    assert json.loads(export.body)["history"][1]["sentence"] == "asked the data team"
    assert export.headers["Content-Disposition"].startswith("attachment")


def test_what_the_journal_does_not_hold_is_taken_from_the_snapshot(serve: Serve) -> None:
    """Without a journal, and before it is written, an open finding has its page."""
    response = ask(serve(), "/incidents/llama-0-gradient_explosion-1")
    assert response.status == 200
    assert "No samples are kept" in response.text


def test_the_runbook_is_where_the_config_says(serve: Serve) -> None:
    """The link leads to the runbooks of this installation."""
    page = Reader(ask(serve(runbook_url="https://wiki/r?a=1&b"), "/incidents/llama-0-gradient_explosion-1").body)
    assert "https://wiki/r?a=1&b#RunvitalsGradientExplosion" in {one["href"] for one in page.all("a")}


@pytest.mark.parametrize("path", ["/incidents/", "/incidents/nothing", "/incidents/nothing.json", "/incidents/../x"])
def test_an_unknown_incident_is_not_found(serve: Serve, path: str) -> None:
    """It is said where a list is."""
    assert ask(serve(), path).status == 404


def test_an_incident_is_read_only(serve: Serve) -> None:
    """Nothing is changed over HTTP."""
    assert ask(serve(), "/incidents/llama-0-gradient_explosion-1", "POST").status == 405

"""The status page: what a person sees first."""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.exposition.document import asset
from runvitals.exposition.incident_records import Past
from runvitals.exposition.status_page.incidents import MAX_INCIDENTS
from runvitals.exposition.status_page.page import status_page
from runvitals.exposition.status_page.runs import MAX_RANKS
from runvitals.exposition.status_page.signals import MAX_SIGNALS
from runvitals.values import Evidence, Incident, RunStatus, Snapshot
from tests.exposition.conftest import Serve
from tests.exposition.html_reader import Reader
from tests.exposition.requests import ask
from tests.exposition.snapshots import (
    NOW,
    FixedBackend,
    closed_finding,
    finding,
    incident_record,
    journal_view,
    rank_view,
    series,
    snapshot,
    source_view,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{body}{style}",
    "&lt;",
    "two\nlines",
    "\u202eright to left",
    "x" * 500,
]


def read(shown: Snapshot | None, now: float = NOW + 1, past: Past = Past()) -> Reader:  # noqa: B008  # immutable
    return Reader(status_page(shown, past, now))


def section(text: str, title: str, following: str) -> str:
    return text[text.index(f" {title} ") : text.index(f" {following} ")]


def test_the_page_tells_what_is_wrong_and_what_to_do() -> None:
    """An open finding stands with severity, fault, run, rank, step, confidence, evidence and first action."""
    page = read(snapshot())
    for part in (
        "1 critical  open",
        " critical   gradient_explosion  on  llama , rank  0 ",
        "for 1 min 1 s, since step 940, ",
        "confidence 75%",
        "step 940: grad_norm is 40 times the median.",
        "Clip the gradient & lower the learning rate.",
    ):
        assert part in page.text, part
    assert {"href": "incidents/llama-0-gradient_explosion-1"} in page.all("a")
    [main] = page.all("main")
    assert main["data-title"] == "(1) runvitals"


def test_the_most_urgent_finding_stands_first() -> None:
    """A critical finding stands above a newer warning."""
    findings = (finding(fault="newer", severity="warning", opened_time=NOW), finding(fault="critical_one"))
    text = read(snapshot(ranks=(rank_view(findings=findings),))).text
    assert text.index("critical_one") < text.index("newer")
    assert "1 critical" in text
    assert "1 warning" in text


def test_what_a_cause_explains_has_no_card_of_its_own() -> None:
    """It stands in the evidence of its cause; one that is alerted by itself has a card."""
    explained = finding(fault="a_consequence", cause="root", explained=True)
    critical = finding(fault="a_critical_one", cause="root")
    text = read(snapshot(ranks=(rank_view(findings=(explained, critical)),))).text
    assert "a_critical_one" in text
    assert "a_consequence" not in text
    assert "1 more that follow from others" in text


def test_the_page_says_how_much_is_unknown() -> None:
    """Without an open finding nothing is called fine: the page says how many faults it cannot judge."""
    page = read(snapshot(ranks=(rank_view(findings=()), rank_view(rank="1", findings=()))))
    assert "No open findings" in page.text
    assert "6 ok, 2 firing, 4 unknown" in page.text


def test_a_closed_finding_has_no_card() -> None:
    """What has passed is an incident, not in the way."""
    assert "loss_spike" not in read(snapshot(ranks=(rank_view(findings=(closed_finding(),)),))).text


def test_the_page_lists_runs_and_sources() -> None:
    """Each rank stands with status, step and both explosion probabilities; each source with health and error."""
    text = read(snapshot()).text
    runs = section(text, "Runs", "Signals")
    for part in ("llama", "running", "1000", "2 s ago", "0.250", "0.125", "3 ok, 1 firing, 2 unknown"):
        assert part in runs, part
    sources = text[text.index("Sources") :]
    for part in ("rings", "up", "down", "port in use", "5,000", "1 torn", "7 series per run", "3 dropped"):
        assert part in sources, part
    assert sources.index("statsd") < sources.index("rings")


def test_each_signal_shows_its_value_its_scores_and_its_course() -> None:
    """In its own unit; the line over the expected range has words for whoever cannot see it."""
    seen = series(signal="step_seconds", value=0.25, recent=(0.2, 0.21, 0.25), expected=(0.19, 0.23))
    page = read(snapshot(series=(seen,)))
    for part in ("step_seconds", "250 ms", "+2.00", "+1.75", "1.2", "3.5"):
        assert part in section(page.text, "Signals", "Incidents"), part
    [line] = [one for one in page.all("svg") if one["class"] == "spark"]
    assert line["aria-label"] == "last 3 values from 0.2 to 0.25, expected 0.19 to 0.23"
    assert {"band", "value", "newest"} <= {one.get("class") for one in page.all("path")}


def test_what_an_open_finding_rests_on_comes_first_and_is_marked() -> None:
    """Its signal leads its rank, its rank leads the others, and the others are folded up."""
    views = tuple(series(rank=str(rank), signal=name) for rank in range(3) for name in ("loss", "zeta", "alpha"))
    suspect = finding(rank="2", evidence=[Evidence("too high", "zeta")])
    page = read(snapshot(series=views, ranks=(rank_view(rank="2", findings=(suspect,)),)))
    text = section(page.text, "Signals", "Incidents")
    assert re.findall(r"rank  (\d)", text) == ["2", "0", "1"]
    assert re.findall(r"zeta|alpha|loss", text)[:3] == ["zeta", "loss", "alpha"]
    assert [one["data-open"] for one in page.all("details")] == ["1", "0", "0"]


def test_what_is_not_known_is_called_unknown() -> None:
    """None is neither 0 nor blank, also for who only hears the page."""
    unknown = rank_view(step=None, last_step_time=None, explosion_probability=None, explosion_hazard=None, findings=())
    cold = series(zscore=None, robust_zscore=None, anomaly_score=None, anomaly_score_peak=None)
    text = read(snapshot(ranks=(unknown,), series=(cold,), sources=())).text
    assert section(text, "Runs", "Signals").split().count("unknown") == 5  # and how many faults are
    assert section(text, "Signals", "Incidents").split().count("unknown") == 6  # scores, peak, and a line of no values


@pytest.mark.parametrize("status", RunStatus)
def test_every_status_is_drawn(status: RunStatus) -> None:
    """Each state of a run has its word on the page."""
    assert status.value in read(snapshot(ranks=(rank_view(status=status),))).text


def test_past_incidents_are_listed_with_a_page_each() -> None:
    """From the journal: what it was, how long it lasted, why it closed; how many more there are is said."""
    past = Past([Incident(closed_finding(), "", is_false_alarm=False), Incident(finding(), "", is_false_alarm=True)])
    page = read(snapshot(), past=past)
    text = section(page.text, "Incidents", "Sources")
    for part in ("loss_spike", "1 min 40 s", "recovered", "false alarm", "and 10 more older ones"):
        assert part in text, part
    assert {"href": "incidents/llama-0-loss_spike-1"} in page.all("a")


def test_the_journals_trouble_is_said() -> None:
    """Where it cannot be read, cannot be written, or is not kept, the page says so and shows the rest."""
    assert "disk is full" in read(snapshot(), past=Past(error="the disk is full")).text
    assert "read-only" in read(snapshot(journal=journal_view(error="read-only file system")), past=Past([])).text
    assert "No journal is kept" in read(snapshot(journal=None)).text


def test_a_stale_snapshot_is_said_to_be_stale() -> None:
    """When the pipeline hangs the page says so, and for how long; a fresh one has no such words."""
    assert "Nothing new for 1 min" in read(snapshot(), NOW + 60).text
    assert "Nothing new" not in read(snapshot(), NOW + 2).text


def test_before_the_first_snapshot_the_page_says_so() -> None:
    """A sidecar that is starting says that it is starting."""
    assert "Starting" in read(None).text


def test_an_empty_sidecar_says_how_to_attach_a_run() -> None:
    """With no run in sight the page tells what to write into a training script, and calls nothing fine."""
    text = read(snapshot(ranks=(), series=())).text
    assert "runvitals.watch(" in text
    assert "No open findings" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(name: str) -> None:
    """Markup in other people's text is shown, whole, and never obeyed."""
    hostile = finding(id=name, fault=name, run=name, rank=name, first_action=name, evidence=[Evidence(name, name)])
    ranks = (rank_view(run=name, findings=(hostile,)),)
    views = (series(run=name, rank=name, signal=name, layer=name),)
    sources = (source_view(name=name, up=False, error=name, rejected={name: 1}),)
    past = Past([Incident(hostile, name, is_false_alarm=False)])
    page = read(snapshot(ranks=ranks, series=views, sources=sources), past=past)
    assert page.tags().count("script") == 1  # our own
    assert "img" not in page.tags()
    assert page.text.count(name) >= 12


@settings(deadline=None, max_examples=50)  # a busy machine is no failure
@given(st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'\0\ud800/="), max_size=30))
def test_no_name_adds_an_element(name: str) -> None:
    """Whatever a run is called, the page has the elements it has for a plain name."""

    def tags(run: str) -> list[str]:
        views = (series(run=run, signal=run, layer="x"),)
        past = Past([Incident(finding(id=run, run=run, fault=run), "", is_false_alarm=False)])
        ranks = (rank_view(run=run, findings=(finding(run=run),)),)
        return read(snapshot(ranks=ranks, series=views), past=past).tags()

    assert tags(name) == tags("x")


def test_a_very_long_name_is_cut() -> None:
    """Ten kilobytes of name, many times over, do not drown the page."""
    assert len(status_page(snapshot(ranks=(rank_view(run="x" * 10_000),)), Past(), NOW)) < 25_000


@pytest.mark.parametrize("moment", [math.nan, math.inf, -1e300, 1e300, 0.0])
def test_odd_numbers_are_shown_as_they_are(moment: float) -> None:
    """A time that no calendar has, or a value that no axis has, does not fail the page."""
    view = series(
        value=moment, recent=(moment if math.isfinite(moment) else 0.0, 1.0, -1e300), expected=(-1e308, 1e308)
    )
    ranks = (rank_view(last_step_time=moment, explosion_probability=moment),)
    assert read(snapshot(ranks=ranks, series=(view,)), past=Past([Incident(finding(opened_time=moment), "", False)]))


def test_thousands_of_everything_are_cut_to_the_worst() -> None:
    """Ranks with open findings and the most unusual signals stay; how many are left out is said; in bounded time."""
    ranks = tuple(rank_view(rank=str(number), findings=()) for number in range(1000))
    views = tuple(
        series(
            rank=str(number % 50), signal=f"signal_{number}", anomaly_score_peak=float(number), recent=(1.0, 2.0) * 32
        )
        for number in range(10_000)
    )
    past = Past([Incident(closed_finding(id=str(number)), "", False) for number in range(MAX_INCIDENTS)])
    shown = snapshot(ranks=(*ranks, rank_view(rank="bad")), series=views)
    begun = time.process_time()
    page = status_page(shown, past, NOW)
    print(f"{(time.process_time() - begun) * 1e3:.0f} ms, {len(page)} bytes, gzip {len(gzip.compress(page, 3))}")
    text = Reader(page).text
    runs = section(text, "Runs", "Signals")
    assert runs[runs.index("Open") :].split()[1:3] == ["llama", "bad"]
    assert f"and {1001 - MAX_RANKS} more ranks" in text
    assert f"and {10_000 - MAX_SIGNALS:,} more signals" in text
    assert "signal_9999" in text
    assert "signal_9799 " not in text
    assert len(page) < 600_000


def test_the_page_loads_nothing_and_runs_its_own_script_alone(serve: Serve) -> None:
    """The policy lets in the page's own style and script, by their hashes, and the page needs no more than that."""
    response = ask(serve(), "/")
    policy = response.headers["Content-Security-Policy"]
    for tag in ("style", "script"):
        found = re.search(f"<{tag}>(.*)</{tag}>", response.text, re.DOTALL)
        assert found is not None
        allowed = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{allowed}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    page = Reader(response.text)
    assert not set(page.tags()) & {"img", "iframe", "form", "object", "link", "base"}
    assert not any(name in {"src", "style"} or name.startswith("on") for _, one in page.elements for name in one)


def test_without_a_script_the_browser_loads_the_page_anew() -> None:
    """Only there: a page that loads itself again throws away focus and place."""
    page = status_page(snapshot(), Past(), NOW).decode()
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page
    assert page.count("http-equiv") == 1


def test_the_page_has_landmarks_headings_and_one_name_for_each() -> None:
    """A screen reader finds header, main part, footer, and each section by its heading; no ID stands twice."""
    page = read(snapshot())
    assert {"header", "main", "footer", "nav"} <= set(page.tags())
    ids = [one["id"] for _, one in page.elements if "id" in one]
    assert len(ids) == len(set(ids))
    labels = [one["aria-labelledby"] for one in page.all("section") if "aria-labelledby" in one]
    assert labels == ["findings", "runs", "signals", "incidents", "sources"]
    assert set(labels) <= set(ids)
    assert {one.get("role") for _, one in page.elements} >= {"status", "alert"}
    assert page.all("html") == [{"lang": "en"}]
    assert page.tags().count("h1") == 1


def test_every_link_leads_somewhere(serve: Serve) -> None:
    """Each link is relative, so that it holds behind a proxy, and answers."""
    backend = FixedBackend(snapshot())
    backend.journal = [incident_record(closed_finding())]
    server = serve(backend)
    links = [one["href"] or "" for one in Reader(ask(server, "/").text).all("a")]
    assert len(links) >= 10
    for link in links:
        assert not link.startswith("/")
        assert link.startswith("#") or ask(server, f"/{link.removeprefix('./')}").status == 200, link


def test_only_who_looks_costs_anything(serve: Serve) -> None:
    """The application is told of each look at the page, and of none by a scrape."""
    backend = FixedBackend(snapshot())
    server = serve(backend)
    ask(server, "/metrics")
    assert backend.looks == 0
    ask(server, "/")
    assert backend.looks == 1


def test_a_journal_that_fails_leaves_the_rest_of_the_page(serve: Serve) -> None:
    """Its sentence stands where its incidents would."""
    backend = FixedBackend(snapshot())
    backend.journal = OSError("the journal has been eaten")
    response = ask(serve(backend), "/")
    assert response.status == 200
    assert "the journal has been eaten" in response.text
    assert "gradient_explosion" in response.text


def test_the_page_is_compressed_for_who_takes_it(serve: Serve) -> None:
    """And says that it depends on what was asked for."""
    server = serve()
    plain = ask(server, "/")
    packed = ask(server, "/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body).startswith(b"<!DOCTYPE html>")
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert len(packed.body) < len(plain.body) / 2


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_text_has_the_contrast_it_needs() -> None:
    """At least 4.5 to 1 on both grounds, in both colour schemes (WCAG 2.2, 1.4.3)."""
    schemes = re.findall(r":root \{([^}]*)\}", asset("page.css"))
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for text in ("text", "soft", "bad", "warn", "good", "link"):
            for ground in ("ground", "card"):
                dark, light = sorted((luminance(colours[text]), luminance(colours[ground])))
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground, scheme)

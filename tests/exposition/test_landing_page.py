"""The landing page: what a person sees first."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvitals.exposition import landing_page as page
from runvitals.exposition.landing_page import landing_page
from runvitals.values import Evidence, RunStatus, Snapshot
from tests.exposition.conftest import Serve
from tests.exposition.requests import ask
from tests.exposition.snapshots import NOW, closed_finding, finding, rank_view, snapshot, source_view

VOID = {"meta", "br", "link"}


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements, their attributes and its text; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data + " "

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def read(shown: Snapshot | None, now: float = NOW + 1) -> Reader:
    return Reader(landing_page(shown, now).decode())


def test_the_page_tells_what_is_wrong_and_what_to_do() -> None:
    """An open finding stands with fault, run, rank, step, confidence, evidence and first action."""
    text = read(snapshot()).text
    for part in (
        "gradient_explosion on  llama , rank  0 ",
        "step 940: ",
        "step 940",
        "75%",
        "grad_norm is 40 times the median.",
        "Clip the gradient & lower the learning rate.",
    ):
        assert part in text


def test_the_most_urgent_finding_stands_first() -> None:
    """A critical finding stands above a newer warning."""
    findings = (finding(fault="newer", severity="warning", opened_time=NOW), finding(fault="critical"))
    text = read(snapshot(ranks=(rank_view(findings=findings),))).text
    assert text.index("critical on") < text.index("newer on")


def test_what_a_cause_explains_has_no_card_of_its_own() -> None:
    """It stands in the evidence of its cause; one that is alerted by itself has a card."""
    explained = finding(fault="a_consequence", cause="root", explained=True)
    critical = finding(fault="a_critical_one", cause="root")
    text = read(snapshot(ranks=(rank_view(findings=(explained, critical)),))).text
    assert "a_critical_one" in text
    assert "a_consequence" not in text
    assert "1 more follow from others" in text


def test_the_page_says_how_much_is_unknown() -> None:
    """And where it stands what would be needed."""
    page = read(snapshot(ranks=(rank_view(), rank_view(rank="1"))))
    assert "6 ok, 2 firing, 4 unknown" in page.text


def test_a_closed_finding_is_not_on_the_page() -> None:
    """What has passed is in /findings, not in the way."""
    assert "loss_spike" not in read(snapshot(ranks=(rank_view(findings=(closed_finding(),)),))).text


def test_the_page_lists_runs_and_sources() -> None:
    """Each rank stands with status, step and explosion probability; each source with its health and error."""
    text = read(snapshot()).text
    for part in ("llama", "running", "1000", "0.25", "rings", "up", "down", "port in use", "5000", "1 torn"):
        assert part in text


def test_what_is_not_known_is_called_unknown() -> None:
    """None is neither 0 nor blank."""
    unknown = rank_view(step=None, last_step_time=None, explosion_probability=None)
    text = read(snapshot(ranks=(unknown,), sources=())).text
    assert text[: text.index("Faults watched for")].count("unknown") == 3


@pytest.mark.parametrize("status", RunStatus)
def test_every_status_is_drawn(status: RunStatus) -> None:
    """Each state of a run has its word on the page."""
    assert status.value in read(snapshot(ranks=(rank_view(status=status),))).text


def test_a_stale_snapshot_is_said_to_be_stale() -> None:
    """When the pipeline hangs the page says so, and for how long; a fresh one has no such words."""
    assert "Nothing new for 60 seconds" in read(snapshot(), NOW + 60).text
    assert "Nothing new" not in read(snapshot(), NOW + 2).text


def test_before_the_first_snapshot_the_page_says_so() -> None:
    """A sidecar that is starting says that it is starting."""
    assert "Starting" in read(None).text


def test_an_empty_sidecar_says_how_to_attach_a_run() -> None:
    """With no run in sight the page tells what to write into a training script."""
    assert "runvitals.watch(" in read(snapshot(ranks=(), series=())).text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{body}{style}", "&lt;"]
)
def test_a_run_with_a_hostile_name_is_only_a_name(name: str) -> None:
    """Markup in other people's text is shown, never obeyed."""
    hostile = finding(run=name, rank=name, first_action=name, evidence=[Evidence(name)])
    ranks = (rank_view(run=name, findings=(hostile,)),)
    reader = read(snapshot(ranks=ranks, sources=(source_view(name=name, up=False, error=name, rejected={name: 1}),)))
    assert not reader.tags() & {"script", "img"}
    assert reader.text.count(name) >= 7


@given(st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'\0\ud800/="), max_size=30))
def test_no_name_adds_an_element(name: str) -> None:
    """Whatever a run is called, the page has the elements it has for a plain name."""
    plain, hostile = (read(snapshot(ranks=(rank_view(run=run, findings=(finding(run=run),)),))) for run in ("x", name))
    assert hostile.elements == plain.elements


def test_a_long_name_is_cut() -> None:
    """Ten kilobytes of name do not drown the page."""
    assert len(landing_page(snapshot(ranks=(rank_view(run="x" * 10_000),)), NOW)) < 15_000


@pytest.mark.parametrize("moment", [math.nan, math.inf, -1e300, 1e300, 0.0])
def test_odd_times_are_shown_as_they_are(moment: float) -> None:
    """A time that no calendar has does not fail the page."""
    assert read(snapshot(ranks=(rank_view(last_step_time=moment),)))


def test_thousands_of_ranks_are_cut_to_the_worst() -> None:
    """Ranks with open findings come first, and how many are left out is said."""
    ranks = tuple(rank_view(rank=str(number), findings=()) for number in range(1000))
    text = read(snapshot(ranks=(*ranks, rank_view(rank="bad")))).text
    runs = text[text.rindex("Open findings") :].split()
    assert runs[2:5] == ["llama", "bad", "running"]
    assert f"and {1001 - page.MAX_ROWS} more" in text


def test_the_page_loads_nothing_and_runs_nothing(serve: Serve) -> None:
    """The policy allows the page's own style alone, by its hash, and the page needs no more than that."""
    response = ask(serve(), "/")
    reader = Reader(response.text)
    style = re.search(r"<style>(.*)</style>", response.text, re.DOTALL)
    assert style is not None
    allowed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{allowed}'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert not reader.tags() & {"script", "img", "iframe", "form", "object"}
    assert not any(name in {"src", "style", "onclick"} for _, attributes in reader.elements for name in attributes)


def test_every_link_leads_somewhere(serve: Serve) -> None:
    """Each link is relative, so that it holds behind a proxy, and answers."""
    server = serve()
    links = [attributes["href"] for tag, attributes in Reader(ask(server, "/").text).elements if tag == "a"]
    assert len(links) >= 5
    for link in links:
        assert not link.startswith("/")
        assert ask(server, f"/{link}").status == 200

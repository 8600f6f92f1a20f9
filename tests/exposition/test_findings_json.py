"""/findings: what is wrong now and what was, for programs and for people who read JSON."""

from __future__ import annotations

import json
import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvitals.exposition.findings_json import MAX_FINDINGS, findings_json, most_urgent, ordered_findings
from runvitals.exposition.log_once import LogOnce
from runvitals.values import Bar, Evidence, Finding
from tests.exposition.conftest import Serve
from tests.exposition.requests import ask
from tests.exposition.snapshots import NOW, FixedBackend, closed_finding, finding, rank_view, snapshot


def read(findings: list[Finding]) -> list[dict[str, object]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = findings_json(findings, LogOnce(logging.getLogger("test")))
    read_back: list[dict[str, object]] = json.loads(text, parse_constant=refuse)
    return read_back


def test_a_finding_shows_all_its_fields() -> None:
    """Each field of the design stands under its own name with its own value."""
    [entry] = read([closed_finding(evidence=[Evidence("Too high.", "loss", "", 9.0, 1.0, 2.0, 499, NOW - 601)])])
    assert entry == {
        "id": "llama-0-loss_spike-1",
        "fault": "loss_spike",
        "category": "parameters",
        "severity": "warning",
        "run": "llama",
        "rank": "0",
        "opened_time": NOW - 600,
        "opened_step": None,
        "closed_time": NOW - 500,
        "closed_step": 500,
        "closed_reason": "recovered",
        "confidence": 0.75,
        "evidence": [
            {
                "sentence": "Too high.",
                "signal": "loss",
                "layer": "",
                "value": 9.0,
                "expected_low": 1.0,
                "expected_high": 2.0,
                "step": 499,
                "time": NOW - 601,
                "role": "observation",
            }
        ],
        "first_action": "Clip the gradient & lower the learning rate.",
        "score": None,
        "bars": [],
        "first_seen_time": None,
        "first_seen_step": None,
        "category_confidence": None,
        "cause": "",
        "explained": False,
        "orphaned": False,
        "consequences": [],
    }


@pytest.mark.parametrize(("value", "written"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")])
def test_numbers_that_json_does_not_have_are_strings(value: float, written: str) -> None:
    """NaN and infinities, which are what many findings are about, leave the JSON valid and are told."""
    [entry] = read([finding(confidence=value, evidence=[Evidence("odd", value=value)])])
    assert entry["confidence"] == written
    assert entry["evidence"][0]["value"] == written


@given(st.text(st.characters(exclude_categories=()) | st.sampled_from('"\\\n\0\ud800\udcff\u2028<>')))
def test_whatever_names_hold_is_valid_utf8_json(text: str) -> None:
    """Quotes, control characters and lone surrogates never break the list."""
    [entry] = read([finding(run=text, evidence=[Evidence(text)])])
    assert entry["run"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_open_findings_come_first_then_the_newest() -> None:
    """The order is open before closed, and in each group the newest first."""
    findings = (
        closed_finding(id="closed-old", opened_time=1.0),
        finding(id="open-old", opened_time=2.0),
        closed_finding(id="closed-new", opened_time=9.0),
        finding(id="open-new", opened_time=3.0),
    )
    shown = snapshot(ranks=(rank_view(findings=findings[:2]), rank_view(rank="1", findings=findings[2:])))
    assert [found.id for found in ordered_findings(shown)] == ["open-new", "open-old", "closed-new", "closed-old"]


def test_of_too_many_the_most_urgent_are_shown() -> None:
    """A storm on a thousand ranks makes no page of a hundred megabytes; what is alerted is on it whatever its age."""
    alerted = [finding(id="alerted", opened_time=1.0)]
    explained = [finding(id=f"e{n}", opened_time=2.0 + n, explained=True) for n in range(MAX_FINDINGS)]
    entries = read(list(most_urgent([*reversed(explained), *alerted])))
    assert len(entries) == MAX_FINDINGS
    assert [entries[0]["id"], entries[-1]["id"]] == [f"e{MAX_FINDINGS - 1}", "alerted"]


def test_a_false_alarm_shows_its_bars_once_and_for_as_long_as_they_are_in_force() -> None:
    """It stands with its bars, also when its rank has left the page, and not a second time without them."""
    bar = Bar("false", "loss", 24.0, 1)
    false_alarm = closed_finding(id="false", bars=[bar])
    for view in (rank_view(findings=(closed_finding(id="false"), finding(id="open"))), rank_view(findings=())):
        found = {one.id: one for one in ordered_findings(snapshot(ranks=(view,), false_alarms=(false_alarm,)))}
        assert found["false"].bars == [bar]
        assert len(found) == 1 + any(one.id == "open" for one in view.findings)
    [entry] = read([false_alarm])
    assert entry["bars"] == [{"incident": "false", "signal": "loss", "score": 24.0, "times": 1}]


def test_a_broken_finding_is_left_out_and_the_rest_stays() -> None:
    """One finding that cannot be written costs itself alone."""
    assert [entry["id"] for entry in read([finding(evidence=[object()]), finding(id="good")])] == ["good"]


def test_no_findings_are_an_empty_list() -> None:
    """Nothing wrong is [], also before the first snapshot."""
    assert read([]) == []
    assert ordered_findings(None) == []


def test_findings_are_served_as_json(serve: Serve) -> None:
    """The path answers with the type of JSON and the findings of the snapshot."""
    response = ask(serve(FixedBackend(snapshot())), "/findings")
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert [entry["fault"] for entry in json.loads(response.body)] == ["gradient_explosion", "loss_spike"]

"""`runvitals incidents show`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from runvitals.cli.incidents.listing import state
from runvitals.cli.incidents.words import on_one_line, when
from runvitals.exposition.numbers import span
from runvitals.sinks.reading import reading
from runvitals.values import Evidence, Finding, HistoryEntry, Incident, OnsetSample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("id", metavar="ID", help="the incident's ID, or how it begins")


def run(journal: Path, arguments: argparse.Namespace) -> None:
    """Print everything that is known about one incident."""
    with reading(journal) as reader:
        incident = reader.find(arguments.id)
        history, onset = reader.history(incident.finding.id), reader.onset(incident.finding.id)
    for line in (*_head(incident), *_evidence(incident), *_history(history), *_steps(incident, onset)):
        print(line)


def _head(incident: Incident) -> Iterator[str]:
    finding = incident.finding
    yield f"{finding.fault} on {on_one_line(finding.run)} rank {on_one_line(finding.rank)}: {state(incident)}"
    yield f"  id           {finding.id}"
    yield f"  category     {finding.category}{_sure(finding)}"
    yield f"  severity     {finding.severity}, confidence {finding.confidence:.2f}"
    yield f"  opened       {when(finding.opened_time)}{_at(finding.opened_step)}"
    if finding.closed_time is not None:
        reason = on_one_line(finding.closed_reason)
        yield f"  closed       {when(finding.closed_time)}{_at(finding.closed_step)}: {reason}"
    if finding.cause:
        yield f"  cause        {finding.cause}{'' if finding.explained else ' (alerted by itself)'}"
    yield f"  config       {incident.config}"
    yield f"  first action {on_one_line(finding.first_action)}"


def _sure(finding: Finding) -> str:
    confidence = finding.category_confidence
    return "" if confidence is None else f", {confidence:.0%} sure by its circumstances"


def _evidence(incident: Incident) -> Iterator[str]:
    yield "evidence"
    for one in incident.finding.evidence:
        yield f"  {on_one_line(one.sentence)}{_at(one.step)}{_expected(one)}"


def _history(history: Iterable[HistoryEntry]) -> Iterator[str]:
    yield "history"
    for entry in history:
        yield f"  {when(entry.time)} {entry.kind}{_at(entry.step)}: {on_one_line(entry.sentence)}"


def _steps(incident: Incident, onset: Iterable[OnsetSample]) -> Iterator[str]:
    yield "steps around the onset"
    for (step, time), samples in groupby(onset, lambda one: (one.step, one.time)):
        values = " ".join(f"{on_one_line(one.signal)}={one.value:.6g}" for one in samples)
        place = f"step {step}" if step is not None else when(time)
        mark = "  <- opened" if step is not None and step == incident.finding.opened_step else ""
        yield f"  {place} {values}{mark}"


def _at(step: int | None) -> str:
    return "" if step is None else f" at step {step}"


def _expected(evidence: Evidence) -> str:
    low, high = evidence.expected_low, evidence.expected_high
    return "" if low is None and high is None else f" (expected {span(low, high)})"

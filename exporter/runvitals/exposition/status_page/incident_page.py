"""The page of one incident: what was seen, what led to it, what was done, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from urllib.parse import quote

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import RUNBOOKS, alert_name, runbook_url
from runvitals.exposition.html import hidden, name, table, text, when
from runvitals.exposition.numbers import number, span
from runvitals.exposition.status_page.frame import Framed, framed
from runvitals.exposition.status_page.incidents import ending, lasted
from runvitals.exposition.status_page.onset import onset_pictures
from runvitals.exposition.status_page.open_findings import incident_link, severity
from runvitals.values import Evidence, Finding, HistoryEntry, Incident, IncidentRecord

MAX_EVIDENCE = 100
MAX_HISTORY = 200
MAX_CONSEQUENCES = 50

_ROOT = "../"
_OPEN_SECONDS, _CLOSED_SECONDS = 2.0, 30.0


def incident_page(record: IncidentRecord, now: float, runbooks: str = RUNBOOKS) -> bytes:
    """Return the page as UTF-8, with a link to `runbooks`; it is renewed more seldom once the incident has closed."""
    finding = record.incident.finding
    main = "".join(
        (
            _head(record.incident),
            _first_action(finding, runbooks),
            _facts(record.incident, now),
            _evidence(finding),
            _section("Around the onset", onset_pictures(record) or "<p>No samples are kept of it.</p>"),
            _consequences(finding),
            _section("History", _history(record.history)),
        )
    )
    period = _OPEN_SECONDS if finding.is_open else _CLOSED_SECONDS
    return framed(Framed(f"{finding.fault} on {finding.run}", main, period, _ROOT))


def _section(title: str, body: str) -> str:
    anchor = title.lower().replace(" ", "-")
    return f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2>{body}</section>'


def _head(incident: Incident) -> str:
    finding = incident.finding
    known = faults.BY_NAME.get(finding.fault)
    summary = f"<p>{text(known.summary)}</p>" if known else ""
    return (
        '<section class="headline"><p><a href="../">All runs</a></p>'
        f'<h2 class="incident">{severity(finding)} {text(finding.fault)} on {name(finding.run)}, '
        f'rank {name(finding.rank)} <span class="soft">{ending(incident)}</span></h2>{summary}</section>'
    )


def _first_action(finding: Finding, runbooks: str) -> str:
    known = faults.BY_NAME.get(finding.fault)
    place = escape(runbook_url(alert_name(known.name), runbooks)) if known else ""
    runbook = f'<a href="{place}" rel="noreferrer">Runbook</a> ' if known else ""
    export = f'<a href="{quote(finding.id, safe="", errors="replace")}.json" download>Export as JSON</a>'
    return (
        f'<section class="card first-action" aria-label="First action"><p class="first"><b>First:</b> '
        f'{text(finding.first_action)}</p><p class="links">{runbook}{export}</p></section>'
    )


def _facts(incident: Incident, now: float) -> str:
    finding = incident.finding
    facts = [
        ("Opened", _moment(finding.opened_step, finding.opened_time)),
        ("First seen", _moment(finding.first_seen_step, finding.first_seen_time)),
        ("Closed", _closing(incident)),
        ("Lasted", lasted(finding, now)),
        ("Category", f"{text(finding.category)}{_sure(finding)}"),
        ("Confidence", f"{finding.confidence:.0%}"),
        ("Follows from", incident_link(finding.cause, text(finding.cause), _ROOT) if finding.cause else ""),
        ("Settings", f"<code>{text(incident.config)}</code>" if incident.config else ""),
        ("ID", f"<code>{text(finding.id)}</code>"),
    ]
    return f"<dl>{''.join(f'<div><dt>{title}</dt><dd>{fact}</dd></div>' for title, fact in facts if fact)}</dl>"


def _closing(incident: Incident) -> str:
    finding = incident.finding
    return "" if finding.is_open else f"{_moment(finding.closed_step, finding.closed_time)}, {ending(incident)}"


def _moment(step: int | None, time: float | None) -> str:
    return ", ".join(filter(None, ("" if step is None else f"step {step}", "" if time is None else when(time))))


def _sure(finding: Finding) -> str:
    confidence = finding.category_confidence
    return "" if confidence is None else f", {confidence:.0%} sure by its circumstances"


def _evidence(finding: Finding) -> str:
    rows = [_evidence_cells(one) for one in finding.evidence[:MAX_EVIDENCE]]
    body = table(("Step", "What was seen", "Signal", "Value", "Expected"), rows) if rows else "<p>None is kept.</p>"
    return _section("Evidence", body + hidden(len(finding.evidence) - len(rows), "pieces of evidence: see the export"))


def _evidence_cells(one: Evidence) -> tuple[str, ...]:
    layer = f" {name(one.layer)}" if one.layer else ""
    return (
        "-" if one.step is None else str(one.step),
        name(one.sentence),
        f"<span>{name(one.signal)}{layer}</span>" if one.signal else "-",
        "-" if one.value is None else number(one.value),
        span(one.expected_low, one.expected_high),
    )


def _consequences(finding: Finding) -> str:
    if not finding.consequences:
        return ""
    rows = [
        (
            incident_link(one.finding, name(one.fault), _ROOT),
            f"<span>{name(one.rank)}{f' and {one.ranks - 1} more' if one.ranks > 1 else ''}</span>",
            _moment(one.step, one.time),
        )
        for one in finding.consequences[:MAX_CONSEQUENCES]
    ]
    more = hidden(len(finding.consequences) - len(rows), "consequences: see the export")
    return _section("What followed from it", table(("Fault", "Rank", "When"), rows) + more)


def _history(history: Sequence[HistoryEntry]) -> str:
    entries = "".join(_entries(history[-MAX_HISTORY:]))
    return f'{hidden(len(history) - MAX_HISTORY, "older entries: see the export")}<ol class="history">{entries}</ol>'


def _entries(history: Iterable[HistoryEntry]) -> Iterator[str]:
    for entry in history:
        step = "" if entry.step is None else f", step {entry.step}"
        yield f"<li>{when(entry.time)}{step} <b>{text(entry.kind)}</b> {text(entry.sentence)}</li>"

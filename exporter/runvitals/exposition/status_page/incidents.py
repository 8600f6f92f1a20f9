"""What was wrong before: the newest incidents of the journal."""

from __future__ import annotations

from collections.abc import Sequence

from runvitals.exposition.html import hidden, name, table, text, when
from runvitals.exposition.incident_records import Past
from runvitals.exposition.numbers import duration
from runvitals.exposition.status_page.open_findings import incident_link, severity
from runvitals.values import Finding, Incident, JournalView

MAX_INCIDENTS = 50

_HEAD = ("Incident", "Severity", "Run", "Rank", "Opened", "Lasted", "Closed")


def incidents_section(past: Past, journal: JournalView | None, now: float) -> str:
    """Return the section: the newest opening first; where there is no journal, or none that can be read, that."""
    return (
        '<section aria-labelledby="incidents"><h2 id="incidents">Incidents</h2>'
        f"{_problem(past.error, journal)}{_table(past.incidents, journal, now)}</section>"
    )


def ending(incident: Incident) -> str:
    """Return in a few words how an incident stands."""
    if incident.is_false_alarm:
        return "false alarm"
    return "still open" if incident.finding.is_open else text(incident.finding.closed_reason)


def lasted(finding: Finding, now: float) -> str:
    """Return how long a finding was open, or has been."""
    return duration((now if finding.closed_time is None else finding.closed_time) - finding.opened_time)


def _problem(error: str, journal: JournalView | None) -> str:
    sentence = error or (journal.error if journal else "")
    return f'<p class="bad">The journal: {text(sentence)}</p>' if sentence else ""


def _table(incidents: Sequence[Incident] | None, journal: JournalView | None, now: float) -> str:
    if incidents is None:
        return "" if journal else "<p>No journal is kept: it needs a state folder, and to be switched on.</p>"
    if not incidents:
        return "<p>None.</p>"
    rows = [_cells(one, now) for one in incidents[:MAX_INCIDENTS]]
    more = max(len(incidents), journal.incidents if journal else 0) - len(rows)
    return table(_HEAD, rows, keyed_by=1) + hidden(more, "older ones: <code>runvitals incidents list</code> has them")


def _cells(incident: Incident, now: float) -> tuple[str, ...]:
    finding = incident.finding
    return (
        incident_link(finding.id, name(finding.fault)),
        severity(finding),
        name(finding.run),
        name(finding.rank),
        when(finding.opened_time),
        lasted(finding, now),
        ending(incident),
    )

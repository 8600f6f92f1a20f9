"""The status page as a whole."""

from __future__ import annotations

from runvitals.exposition.findings_json import ordered_findings
from runvitals.exposition.incident_records import Past
from runvitals.exposition.status_page.frame import Framed, framed
from runvitals.exposition.status_page.headline import headline, title
from runvitals.exposition.status_page.incidents import incidents_section
from runvitals.exposition.status_page.open_findings import findings_section
from runvitals.exposition.status_page.runs import runs_section
from runvitals.exposition.status_page.signals import signals_section
from runvitals.exposition.status_page.sources import sources_section
from runvitals.values import Snapshot

PERIOD_SECONDS = 2.0
"""So often the page's script asks for what is new."""


def status_page(snapshot: Snapshot | None, past: Past, now: float) -> bytes:
    """Return the page as UTF-8. `now` is Unix time in seconds, to tell how old things are."""
    if snapshot is None:
        return framed(Framed("runvitals", _STARTING, PERIOD_SECONDS))
    still_open = [one for one in ordered_findings(snapshot) if one.is_open]
    sections = (
        headline(snapshot, still_open, now),
        findings_section(still_open, now),
        runs_section(snapshot.ranks, now),
        signals_section(snapshot, still_open),
        incidents_section(past, snapshot.journal, now),
        sources_section(snapshot, now),
    )
    return framed(Framed(title(still_open), "".join(sections), PERIOD_SECONDS))


_STARTING = (
    '<section class="headline"><p class="verdict soft">Starting: the sources have not been asked yet.</p></section>'
)

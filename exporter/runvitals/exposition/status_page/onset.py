"""The samples around an onset as pictures, the signals that the finding rests on first."""

from __future__ import annotations

from collections.abc import Iterable

from runvitals.exposition.html import as_utc, hidden, name
from runvitals.exposition.report.marks import NumberedFinding
from runvitals.exposition.report.picture import description, picture
from runvitals.exposition.report.reading import Reading
from runvitals.exposition.report.recorder import Panel, Place
from runvitals.values import Finding, IncidentRecord, OnsetSample, Sample

MAX_PICTURES = 12


def onset_pictures(record: IncidentRecord) -> str:
    """Return a figure for each signal, at most MAX_PICTURES; nothing where no samples are kept."""
    finding = record.incident.finding
    panels = _panels(finding, record.onset)
    if not panels:
        return ""
    suspects = {one.signal for one in finding.evidence}
    ordered = sorted(panels.values(), key=lambda panel: panel.place.signal not in suspects)
    figures = "".join(_figure(panel, number, finding) for number, panel in enumerate(ordered[:MAX_PICTURES], 1))
    return f'<div class="pictures">{figures}</div>{hidden(len(ordered) - MAX_PICTURES, "signals: see the export")}'


def _panels(finding: Finding, onset: Iterable[OnsetSample]) -> dict[str, Panel]:
    panels: dict[str, Panel] = {}
    for time, step, signal, value in onset:
        place = Place(finding.run, finding.rank, signal, "")
        panel = panels.get(signal)
        if panel is None:
            panel = panels[signal] = Panel(place, has_steps=step is not None)
        panel.add(Sample(*place, time, step, value), Reading(value))
    return panels


def _figure(panel: Panel, number: int, finding: Finding) -> str:
    spelled = "step {:g}".format if panel.has_steps else as_utc
    return (
        f"<figure><figcaption><h3>{name(panel.place.signal)}</h3>"
        f'<p class="soft">{description(panel, spelled)}</p></figcaption>'
        f"{picture(panel, number, [NumberedFinding(1, finding)], (), spelled)}</figure>"
    )

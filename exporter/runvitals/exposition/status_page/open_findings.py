"""What is wrong now: a card for each open finding that no other one explains, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from runvitals.exposition.html import SEVERITIES, hidden, name, severity_class, text, when
from runvitals.exposition.numbers import duration
from runvitals.values import Evidence, EvidenceRole, Finding

MAX_FINDINGS = 50
MAX_EVIDENCE = 12

_ALL = 'see <a href="findings">findings</a>'


def findings_section(still_open: Sequence[Finding], now: float) -> str:
    """Return the section; what a cause explains stands in the evidence of its cause."""
    findings = sorted((one for one in still_open if not one.explained), key=_urgency)
    cards = "".join(_card(one, now) for one in findings[:MAX_FINDINGS])
    return (
        '<section aria-labelledby="findings"><h2 id="findings">Open findings</h2>'
        f"{cards or '<p>None.</p>'}"
        f"{hidden(len(findings) - MAX_FINDINGS, f'open findings, less urgent: {_ALL}')}"
        f"{hidden(len(still_open) - len(findings), f'that follow from others: {_ALL}')}"
        "</section>"
    )


def incident_link(identity: str, shown: str, root: str = "") -> str:
    """Return a link to the page of an incident; `shown` is HTML."""
    return f'<a href="{root}incidents/{quote(identity, safe="", errors="replace")}">{shown}</a>'


def severity(finding: Finding) -> str:
    """Return the severity as a mark."""
    kind = severity_class(finding.severity)
    return f'<span class="mark-of {kind}">{text(finding.severity)}</span>'


def _card(finding: Finding, now: float) -> str:
    kind = finding.severity if finding.severity in SEVERITIES else SEVERITIES[-1]
    key = escape(finding.id)
    said = text(f"{finding.severity} finding: {finding.fault} on {finding.run}, rank {finding.rank}")
    return (
        f'<article class="card {kind}" data-key="finding {key}" data-said="{said}">'
        f"<h3>{severity(finding)} {incident_link(finding.id, text(finding.fault))} "
        f"on {name(finding.run)}, rank {name(finding.rank)}</h3>"
        f'<p class="soft">for {duration(now - finding.opened_time)}, since {_opening(finding)}; '
        f"{text(finding.category)}; confidence {finding.confidence:.0%}</p>"
        f"{_evidence_list(finding)}"
        f'<p class="first"><b>First:</b> {text(finding.first_action)}</p></article>'
    )


def _urgency(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else len(SEVERITIES)


def _evidence_list(finding: Finding) -> str:
    shown = "".join(map(_evidence, finding.evidence[:MAX_EVIDENCE]))
    return f"<ul>{shown}</ul>{hidden(len(finding.evidence) - MAX_EVIDENCE, 'pieces of evidence')}" if shown else ""


def _opening(finding: Finding) -> str:
    step = "" if finding.opened_step is None else f"step {finding.opened_step}, "
    return step + when(finding.opened_time)


def _evidence(evidence: Evidence) -> str:
    is_told = evidence.step is None or evidence.role is EvidenceRole.CONSEQUENCE  # whose sentence names its step
    step = "" if is_told else f"step {evidence.step}: "
    return f"<li>{step}{text(evidence.sentence)}</li>"

"""The landing page: which runs there are, what is wrong with them, and whether the sources answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from runvitals.exposition.findings_json import ordered_findings
from runvitals.exposition.html import known, name, table, text, when
from runvitals.exposition.landing_style import STYLE
from runvitals.exposition.well_formed import well_formed
from runvitals.values import Evidence, EvidenceRole, Finding, RankView, RunStatus, Snapshot, SourceView, State

STALE_SECONDS = 15.0
"""A snapshot older than this means that the sidecar itself hangs: one is taken every second."""

MAX_ROWS = 200

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_SEVERITIES = ("critical", "warning", "info")  # the most urgent first; each is a class of the style
_STATUS_CLASSES = {
    RunStatus.RUNNING: "good",
    RunStatus.FINISHED: "good",
    RunStatus.RAISED: "bad",
    RunStatus.CRASHED: "bad",
    RunStatus.UNKNOWN: "warn",
}
_T = TypeVar("_T")


def landing_page(snapshot: Snapshot | None, now: float) -> bytes:
    """Return the page as UTF-8. `now` is Unix time in seconds, to tell how old the snapshot is."""
    body = _NOTHING_YET if snapshot is None else _body(snapshot, now)
    return well_formed(_FRAME.replace("{style}", STYLE).replace("{body}", body)).encode()


def _body(snapshot: Snapshot, now: float) -> str:
    return "".join(
        [_age(snapshot.time, now), _open_findings(snapshot), _runs(snapshot.ranks), _sources(snapshot.sources)]
    )


def _age(taken: float, now: float) -> str:
    seconds = now - taken
    if seconds <= STALE_SECONDS:
        return f"<p>As of {when(taken)}.</p>"
    return (
        f'<div class="card stale"><h3 class="bad">Nothing new for {seconds:.0f} seconds</h3>'
        f"<p>The sidecar answers but its pipeline hangs: what stands here is of {when(taken)}.</p></div>"
    )


def _open_findings(snapshot: Snapshot) -> str:
    still_open = [one for one in ordered_findings(snapshot) if one.is_open]
    findings = sorted((one for one in still_open if not one.explained), key=_urgency)
    rest = len(still_open) - len(findings)
    explained = f'<p>{rest} more follow from others: see <a href="findings">findings</a>.</p>' if rest else ""
    if not findings:
        return f"<h2>Open findings</h2>{explained or '<p>None.</p>'}"
    return f"<h2>Open findings ({len(findings)})</h2>{_listed(findings, _finding)}{explained}"


def _urgency(finding: Finding) -> int:
    return _SEVERITIES.index(finding.severity) if finding.severity in _SEVERITIES else len(_SEVERITIES)


def _finding(finding: Finding) -> str:
    return (
        f'<article class="card {finding.severity if finding.severity in _SEVERITIES else "info"}">'
        f"<h3>{text(finding.fault)} on {name(finding.run)}, rank {name(finding.rank)}</h3>"
        f'<p class="soft">{text(finding.severity)}, {text(finding.category)}; since {_opening(finding)}; '
        f"confidence {finding.confidence:.0%}</p>"
        f"<ul>{''.join(map(_evidence, finding.evidence))}</ul>"
        f"<p><b>First:</b> {text(finding.first_action)}</p></article>"
    )


def _opening(finding: Finding) -> str:
    step = "" if finding.opened_step is None else f"step {finding.opened_step}, "
    return step + when(finding.opened_time)


def _evidence(evidence: Evidence) -> str:
    is_told = evidence.step is None or evidence.role is EvidenceRole.CONSEQUENCE  # whose sentence names its step
    step = "" if is_told else f"step {evidence.step}: "
    return f"<li>{step}{text(evidence.sentence)}</li>"


def _runs(ranks: Sequence[RankView]) -> str:
    if not ranks:
        return '<h2>Runs</h2><p>None seen yet. In the training script: <code>runvitals.watch("its name")</code>.</p>'
    ordered = sorted(ranks, key=lambda rank: (-_open_count(rank), rank.run, rank.rank))
    head = ("Run", "Rank", "Status", "Step", "Last step", "Explosion probability", "Open findings")
    return f"<h2>Runs</h2>{_table(head, ordered, _run_cells)}{_states(ranks)}"


def _states(ranks: Sequence[RankView]) -> str:
    """Return in a line how much is known; what is unknown is never taken for fine."""
    counts = (f"{sum(rank.fault_states.get(state, 0) for rank in ranks)} {state.value}" for state in State)
    return f'<p>Faults watched for: {", ".join(counts)}. What the unknown ones need: <a href="faults">faults</a>.</p>'


def _open_count(rank: RankView) -> int:
    return sum(finding.is_open for finding in rank.findings)


def _run_cells(rank: RankView) -> tuple[str, ...]:
    count = _open_count(rank)
    return (
        name(rank.run),
        name(rank.rank),
        f'<span class="{_STATUS_CLASSES[rank.status]}">{rank.status.value}</span>',
        known(rank.step, str),
        known(rank.last_step_time, when),
        known(rank.explosion_probability, lambda probability: f"{probability:.3g}"),
        f'<span class="bad">{count}</span>' if count else "0",
    )


def _sources(sources: Sequence[SourceView]) -> str:
    head = ("Source", "Kind", "Health", "Last success", "Samples", "Rejected")
    return f"<h2>Sources</h2>{_table(head, sources, _source_cells)}" if sources else "<h2>Sources</h2><p>None.</p>"


def _source_cells(source: SourceView) -> tuple[str, ...]:
    health = '<span class="good">up</span>' if source.up else f'<span class="bad">down</span> {text(source.error)}'
    return (
        text(source.name),
        text(source.kind),
        f"<span>{health}</span>",
        known(source.last_success, when),
        str(source.samples),
        text(", ".join(f"{count} {reason}" for reason, count in source.rejected.items())) or "0",
    )


def _table(head: Sequence[str], items: Sequence[_T], cells: Callable[[_T], Sequence[str]]) -> str:
    return table(head, map(cells, items[:MAX_ROWS])) + _more(items)


def _listed(items: Sequence[_T], draw: Callable[[_T], str]) -> str:
    return "".join(map(draw, items[:MAX_ROWS])) + _more(items)


def _more(items: Sequence[object]) -> str:
    hidden = len(items) - MAX_ROWS
    return f'<p class="soft">and {hidden} more: see /findings and /metrics.</p>' if hidden > 0 else ""


_NOTHING_YET = "<p>Starting: the sources have not been asked yet.</p>"

_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>runvitals</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>runvitals</h1>
<nav><a href="metrics">metrics</a><a href="findings">findings</a><a href="faults">faults</a>
<a href="config">config</a><a href="-/healthy">healthy</a><a href="-/ready">ready</a></nav>
</header>
<main>{body}</main>
</body>
</html>
"""

"""The first line: how bad it is, how much is known, and of when that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from runvitals.exposition.html import SEVERITIES, severity_class, when
from runvitals.exposition.numbers import duration
from runvitals.values import Finding, RankView, Snapshot, State

STALE_SECONDS = 15.0
"""A snapshot older than this means that the sidecar itself hangs: one is taken every second."""


def headline(snapshot: Snapshot, still_open: Sequence[Finding], now: float) -> str:
    """Return what a person reads first."""
    return (
        '<section class="headline" data-key="headline" aria-label="Summary">'
        f"{_stale(snapshot.time, now)}{_verdict(still_open, snapshot.ranks)}"
        f"<p>{_known(snapshot.ranks)} As of {when(snapshot.time)}.</p></section>"
    )


def title(still_open: Sequence[Finding]) -> str:
    """Return the page's title, which a tab shows: with the number of what is open and speaks for itself."""
    count = sum(not finding.explained for finding in still_open)
    return f"({count}) runvitals" if count else "runvitals"


def _verdict(still_open: Iterable[Finding], ranks: Sequence[RankView]) -> str:
    counts = Counter(_severity(finding) for finding in still_open if not finding.explained)
    if counts:
        words = ", ".join(
            f'<span class="{severity_class(one)}">{counts[one]} {one}</span>' for one in SEVERITIES if counts[one]
        )
        return f'<p class="verdict">{words} open</p>'
    if not ranks:
        return '<p class="verdict soft">No run seen yet</p>'
    return '<p class="verdict good">No open findings</p>'


def _severity(finding: Finding) -> str:
    return finding.severity if finding.severity in SEVERITIES else SEVERITIES[-1]


def _known(ranks: Sequence[RankView]) -> str:
    """Return in a sentence how much is known; what is unknown is never taken for fine."""
    if not ranks:
        return ""
    counts = (f"{sum(rank.fault_states.get(state, 0) for rank in ranks):,} {state.value}" for state in State)
    return f'Faults watched for: {", ".join(counts)} (<a href="faults">what the unknown ones need</a>).'


def _stale(taken: float, now: float) -> str:
    seconds = now - taken
    if seconds <= STALE_SECONDS:
        return ""
    return (
        f'<div class="card stale" data-key="stale"><p class="bad">Nothing new for {duration(seconds)}</p>'
        "<p>The sidecar answers but its pipeline hangs: what stands here is old.</p></div>"
    )

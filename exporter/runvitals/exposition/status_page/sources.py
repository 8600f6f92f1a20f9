"""Where the samples come from, and whether it answers; the ones that are down first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runvitals.exposition.html import hidden, known, name, table, text
from runvitals.exposition.numbers import duration
from runvitals.values import JournalView, Snapshot, SourceView

MAX_SOURCES = 100
MAX_COUNTS = 20

_HEAD = ("Source", "Kind", "Health", "Last success", "Samples", "Rejected")


def sources_section(snapshot: Snapshot, now: float) -> str:
    """Return the section, with what was dropped and how the journal is doing."""
    rows = _rows(snapshot.sources, now)
    left = hidden(len(snapshot.sources) - len(rows), "sources, which are up or down as these are")
    return (
        '<section aria-labelledby="sources"><h2 id="sources">Sources</h2>'
        f"{table(_HEAD, rows, keyed_by=1) if rows else '<p>None.</p>'}{left}"
        f"{_dropped(snapshot.dropped)}{_journal(snapshot.journal)}</section>"
    )


def _rows(sources: Sequence[SourceView], now: float) -> list[tuple[str, ...]]:
    ordered = sorted(sources, key=lambda source: source.up)
    return [_cells(source, now) for source in ordered[:MAX_SOURCES]]


def _cells(source: SourceView, now: float) -> tuple[str, ...]:
    health = '<span class="good">up</span>' if source.up else f'<span class="bad">down</span> {name(source.error)}'
    return (
        name(source.name),
        text(source.kind),
        f"<span>{health}</span>",
        known(source.last_success, lambda time: f"{duration(now - time)} ago"),
        f"{source.samples:,}",
        _counts(source.rejected) or "0",
    )


def _counts(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda one: -one[1])
    shown = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in most[:MAX_COUNTS])
    return name(shown) if shown else ""


def _dropped(dropped: Mapping[str, int]) -> str:
    counts = _counts({limit: count for limit, count in dropped.items() if count})
    return f'<p class="warn">Dropped, by the limit that was reached: {counts}.</p>' if counts else ""


def _journal(journal: JournalView | None) -> str:
    if journal is None:
        return ""
    dropped = sum(journal.dropped.values())
    lost = f', <span class="warn">{dropped:,} dropped</span>' if dropped else ""
    return (
        f'<p class="soft">Journal: {journal.incidents:,} incidents, {journal.written:,} changes written, '
        f"{journal.pending:,} waiting{lost}.</p>"
    )

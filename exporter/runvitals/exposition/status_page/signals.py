"""Every signal with its newest value, its recent course and how unusual it is, by rank; the worst ranks first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isfinite

from runvitals.catalogue import signals
from runvitals.exposition.html import hidden, known, name, row_key, table
from runvitals.exposition.numbers import quantity
from runvitals.exposition.status_page.runs import rank_order
from runvitals.exposition.status_page.sparkline import sparkline
from runvitals.values import Finding, SeriesView, Snapshot

MAX_SIGNALS = 200

_HEAD = ("Signal", "Value", "Recent values, expected range", "z-score", "Robust z", "Anomaly score", "Peak, 60 s")
_ORDER = {signal.name: place for place, signal in enumerate(signals.ALL)}
_UNITS = {signal.name: signal.unit for signal in signals.ALL}

Place = tuple[str, str, str, str]
"""Run, rank, signal, layer."""


def signals_section(snapshot: Snapshot, still_open: Iterable[Finding]) -> str:
    """Return the section: at most MAX_SIGNALS, those that open findings rest on first, then the most unusual."""
    suspects = _suspects(still_open)
    chosen = _chosen(snapshot.series, suspects)
    left = hidden(len(snapshot.series) - len(chosen), 'signals, less unusual: see <a href="metrics">metrics</a>')
    body = "".join(
        _rank(rank, list(views), suspects) for rank, views in groupby(chosen, lambda view: (view.run, view.rank))
    )
    return (
        '<section class="signals" aria-labelledby="signals"><h2 id="signals">Signals</h2>'
        f"{body or '<p>None seen yet.</p>'}{left}{_HOW_TO_READ if body else ''}</section>"
    )


def _suspects(still_open: Iterable[Finding]) -> set[Place]:
    """Return the series that open findings rest on."""
    return {(one.run, one.rank, part.signal, part.layer) for one in still_open for part in one.evidence if part.signal}


def _place(view: SeriesView) -> Place:
    return view.run, view.rank, view.signal, view.layer


def _chosen(views: Sequence[SeriesView], suspects: set[Place]) -> list[SeriesView]:
    """Return the worst, in an order that changes only where what is suspect does."""
    worst = sorted(views, key=lambda view: (_place(view) not in suspects, -_unusual(view)))[:MAX_SIGNALS]
    suspect_ranks = {place[:2] for place in suspects}

    def order(view: SeriesView) -> tuple[object, ...]:
        place = _ORDER.get(view.signal, len(_ORDER))
        is_good = (view.run, view.rank) not in suspect_ranks, _place(view) not in suspects
        return is_good[0], view.run, rank_order(view.rank), is_good[1], bool(view.layer), place, view.signal, view.layer

    return sorted(worst, key=order)


def _unusual(view: SeriesView) -> float:
    peak = view.anomaly_score_peak
    return peak if peak is not None and isfinite(peak) else 0.0


def _rank(rank: tuple[str, str], views: Sequence[SeriesView], suspects: set[Place]) -> str:
    rows = [_cells(view, is_suspect=_place(view) in suspects) for view in views]
    return (
        f'<div data-key="{row_key(rank)}">'
        f"<h3>{name(rank[0])}, rank {name(rank[1])}</h3>{table(_HEAD, rows, keyed_by=1)}</div>"
    )


def _cells(view: SeriesView, *, is_suspect: bool) -> tuple[str, ...]:
    layer = f' <span class="soft">{name(view.layer)}</span>' if view.layer else ""
    value = quantity(view.value, _UNITS.get(view.signal, "1"))
    is_bad = is_suspect or not isfinite(view.value)
    return (
        f"<span{_bad(is_suspect)}>{name(view.signal)}{layer}</span>",
        f"<span{_bad(is_bad)}>{value}{_nonfinite(view)}</span>",
        sparkline(view.recent, view.expected, is_bad=is_suspect) or '<span class="soft">-</span>',
        known(view.zscore, _signed),
        known(view.robust_zscore, _signed),
        known(view.anomaly_score, _score),
        known(view.anomaly_score_peak, _score),
    )


def _bad(is_bad: bool) -> str:
    return ' class="bad"' if is_bad else ""


def _nonfinite(view: SeriesView) -> str:
    return f' <span class="soft">({view.nonfinite:,} not finite)</span>' if view.nonfinite else ""


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) < 1e4 else f"{value:+.3g}"


def _score(value: float) -> str:
    return f"{value:.1f}"


_HOW_TO_READ = (
    '<p class="soft">Shaded: the median of the window before the newest value, with three robust deviations on either '
    "side. z-scores count deviations from the mean (robust: from the median). The anomaly score is -log10 of the share "
    "of healthy values that are as unusual: 3 is one in a thousand. Red: what an open finding rests on.</p>"
)

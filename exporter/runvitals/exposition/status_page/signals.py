"""Every signal with its newest value, its recent course and how unusual it is, by rank; the worst ranks first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from math import isfinite

from runvitals.catalogue import signals
from runvitals.exposition.html import hidden, name, row_key, table
from runvitals.exposition.numbers import quantity
from runvitals.exposition.status_page.runs import rank_order
from runvitals.exposition.status_page.sparkline import sparkline
from runvitals.values import Finding, SeriesView, Snapshot

MAX_SIGNALS = 200

_HEAD = ("Signal", "Value", "Recent values", "z-score", "Robust z", "Anomaly", "Peak, 60 s")
_ORDER = {signal.name: place for place, signal in enumerate(signals.ALL)}
_UNITS = {signal.name: signal.unit for signal in signals.ALL}

Place = tuple[str, str, str, str]
"""Run, rank, signal, layer."""


def signals_section(snapshot: Snapshot, still_open: Iterable[Finding]) -> str:
    """Return the section: at most MAX_SIGNALS, those that open findings rest on first, then the most unusual."""
    suspects = _suspects(still_open)
    chosen = _chosen(snapshot.series, suspects)
    by_rank = [list(views) for _, views in groupby(chosen, lambda view: (view.run, view.rank))]
    body = "".join(_rank(views, suspects, is_first=place == 0) for place, views in enumerate(by_rank))
    left = hidden(len(snapshot.series) - len(chosen), 'signals, less unusual: see <a href="metrics">metrics</a>')
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
        rank = (view.run, view.rank) not in suspect_ranks, view.run, rank_order(view.rank)
        usual = _ORDER.get(view.signal, len(_ORDER))
        return *rank, _place(view) not in suspects, bool(view.layer), usual, view.signal, view.layer

    return sorted(worst, key=order)


def _unusual(view: SeriesView) -> float:
    peak = view.anomaly_score_peak
    return peak if peak is not None and isfinite(peak) else 0.0


def _rank(views: Sequence[SeriesView], suspects: set[Place], *, is_first: bool) -> str:
    """Return the signals of one rank, folded up where nothing is wrong with it, unless it is the first."""
    run, rank = views[0].run, views[0].rank
    rows = [_cells(view, is_suspect=_place(view) in suspects) for view in views]
    is_open = is_first or any(_place(view) in suspects for view in views)
    peaks = [view.anomaly_score_peak for view in views if view.anomaly_score_peak is not None]
    peak = f"highest anomaly score in 60 s: {_score(max(peaks)) if peaks else 'unknown'}"
    return (
        f'<details data-key="{row_key((run, rank))}" data-open="{is_open:d}"{" open" if is_open else ""}>'
        f"<summary><h3>{name(run)}, rank {name(rank)}</h3> "
        f'<span class="soft">{len(views)} signal{"s" if len(views) > 1 else ""}, {peak}</span></summary>'
        f"{table(_HEAD, rows, keyed_by=1)}</details>"
    )


def _cells(view: SeriesView, *, is_suspect: bool) -> tuple[str, ...]:
    layer = f' <span class="soft">{name(view.layer)}</span>' if view.layer else ""
    value = quantity(view.value, _UNITS.get(view.signal, "1"))
    nonfinite = f' <span class="soft">({view.nonfinite:,} not finite)</span>' if view.nonfinite else ""
    kind = ' class="bad"' if is_suspect else ""
    value_kind = ' class="bad"' if is_suspect or not isfinite(view.value) else ""
    return (
        f"<span{kind}>{name(view.signal)}{layer}</span>",
        f"<span{value_kind}>{value}{nonfinite}</span>",
        sparkline(view.recent, view.expected, is_bad=is_suspect) or _UNKNOWN,
        _known(view.zscore, _signed),
        _known(view.robust_zscore, _signed),
        _known(view.anomaly_score, _score),
        _known(view.anomaly_score_peak, _score),
    )


def _known(score: float | None, draw: Callable[[float], str]) -> str:
    return _UNKNOWN if score is None else draw(score)


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) < 1e4 else f"{value:+.3g}"


def _score(value: float) -> str:
    return f"{value:.1f}"


_UNKNOWN = '<span class="soft"><span aria-hidden="true">-</span><span class="unseen">unknown</span></span>'

_HOW_TO_READ = (
    '<p class="soft">Shaded: the median of the window before the newest value, with three robust deviations on either '
    "side. z-scores count deviations from the mean (robust: from the median). The anomaly score is -log10 of the share "
    "of healthy values that are as unusual: 3 is one in a thousand. A dash is not known, as before the warm-up. Red: "
    "what an open finding rests on.</p>"
)

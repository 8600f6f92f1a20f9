"""Panels of the catalogue's signals, in its words, units and thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.build import limits, units
from grafana.build.links import Boards, to_board
from grafana.build.panels import FEWER_POINTS, POINTS, Json, override, query, timeseries
from grafana.build.queries import LAYERS, WHOLE, of_signal, worst
from runvitals.catalogue import metrics
from runvitals.catalogue.signals import Signal

_OF_SIGNAL_UNIT = ("seconds", "bytes", "celsius", "watts", "hertz", "ratio", "total")
FEW = 8
"""Series in a graph of many ranks or layers: the worst ones."""


def title_of(signal: Signal) -> str:
    """Return a signal's name as a heading; its unit stands at the axis."""
    words = signal.name.replace("_per_second", "").split("_")
    return " ".join(word for word in words if word not in _OF_SIGNAL_UNIT).capitalize()


def sentence_of(*shown: Signal) -> str:
    """Return what signals mean, a sentence each."""
    return " ".join(f"{signal.name}: {signal.meaning}." for signal in shown)


def of_rank(signal: Signal, scope: str, layers: bool = False) -> Json:
    """Return the graph of a signal of one rank; with `layers` its worst layers as well."""
    queries = [query(f"max by (signal) ({of_signal(signal, scope)})", "{{signal}}")]
    if layers:
        queries.append(query(worst(signal, of_signal(signal, scope, layer=LAYERS), "layer", FEW), "{{layer}}"))
    return _graph(title_of(signal), [signal], queries)


def together(title: str, shown: Sequence[Signal], scope: str, by: str = "signal", layer: str = WHOLE) -> Json:
    """Return a graph of signals with one unit: of a rank by `signal` alone, of several the worst few of each."""
    if by == "signal":
        queries = [
            query(f"max by (signal) ({of_signal(signal, scope, layer=layer)})", "{{signal}}") for signal in shown
        ]
    else:
        legend = "{{rank}} {{layer}}" if "layer" in by else "{{rank}}"
        queries = [
            query(worst(signal, of_signal(signal, scope, layer=layer), by, FEW), f"{signal.name} {legend}")
            for signal in shown
        ]
    links = [] if by == "signal" else [to_rank()]
    return _graph(title, shown, queries, links, POINTS if by == "signal" else FEWER_POINTS)


def banded(signal: Signal, scope: str, logarithmic: bool = False) -> Json:
    """Return the graph of a signal of one rank within its mean and three standard deviations to either side."""
    mean = f"max by (signal) ({of_signal(signal, scope, metrics.SIGNAL_MEAN)})"
    stddev = f"max by (signal) ({of_signal(signal, scope, metrics.SIGNAL_STDDEV)})"
    queries = [
        query(f"max by (signal) ({of_signal(signal, scope)})", signal.name),
        query(mean, "mean"),
        query(f"{mean} + 3 * {stddev}", "mean + 3 sd"),
        query(f"{mean} - 3 * {stddev}", "mean - 3 sd"),
    ]
    band = {"custom_lineWidth": 0, "custom_showPoints": "never"}
    return timeseries(
        title_of(signal),
        f"{sentence_of(signal)} The band is the mean of the window before, and three standard deviations to either "
        "side; there is none until the window has enough values.",
        queries,
        units.unit_of(signal),
        limit=limits.of_signal(signal),
        logarithmic=logarithmic,
        overrides=[
            override("mean", custom_lineStyle={"fill": "dash", "dash": [10, 10]}),
            override("mean + 3 sd", **band, custom_fillBelowTo="mean - 3 sd", custom_fillOpacity=15),
            override("mean - 3 sd", **band),
        ],
    )


def to_rank() -> Json:
    """Return the link of a series to its rank."""
    values = {"run": "run", "rank": "__field.labels.rank"}
    return to_board(Boards.RANK, "Open this rank", values)


def _graph(
    title: str, shown: Sequence[Signal], queries: Sequence[Json], links: Sequence[Json] = (), points: int = POINTS
) -> Json:
    lines = {limit for limit in map(limits.of_signal, shown) if limit}
    [unit] = {units.unit_of(signal) for signal in shown}
    limit = lines.pop() if len(lines) == 1 else None
    return timeseries(title, sentence_of(*shown), queries, unit, limit=limit, links=links, points=points)

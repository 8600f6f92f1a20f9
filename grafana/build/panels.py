"""Panels as Grafana 9 to 12 read them. The layout gives them their places, the queries their letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana.build import palette
from grafana.build.limits import Limit

Json = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
LETTERS = "ABCDEFGHIJKLMNOP"
POINTS = 300
"""Points of a graph at most."""
FEWER_POINTS = 40
"""The same where each point looks at every rank: ten thousand of them cost as much as many graphs of one."""


def query(expr: str, legend: str = "", instant: bool = False) -> Json:
    """Return a query over the time shown, for graphs; as a table of its end where it is `instant`."""
    kind = {"instant": True, "range": False, "format": "table"} if instant else {"range": True, "format": "time_series"}
    return {"expr": expr, "legendFormat": legend or "__auto", **kind}


def timeseries(
    title: str,
    description: str,
    queries: Sequence[Json],
    unit: str,
    *,
    limit: Limit | None = None,
    logarithmic: bool = False,
    points: int = POINTS,
    overrides: Sequence[Json] = (),
    links: Sequence[Json] = (),
) -> Json:
    """Return a graph; its legend is a table with the newest and the largest value."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 0,
        "showPoints": "auto",
        "spanNulls": False,
        "scaleDistribution": {"type": "log", "log": 10} if logarithmic else {"type": "linear"},
        "thresholdsStyle": {"mode": "line" if limit else "off"},
    }
    legend = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom, "unit": unit, "thresholds": steps(limit)}
    panel = _panel("timeseries", title, _with_line(description, limit), queries, defaults, options, links)
    panel["fieldConfig"]["overrides"] = [*_colours(queries), *overrides]
    panel["maxDataPoints"] = points
    return panel


def stat(
    title: str,
    description: str,
    queries: Sequence[Json],
    unit: str,
    *,
    limit: Limit | None = None,
    mappings: Sequence[Json] = (),
    links: Sequence[Json] = (),
    otherwise: str = "unknown",
) -> Json:
    """Return a number, coloured where it passes its line; without one it says what stands in `otherwise`."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    }
    defaults = {
        "color": {"mode": "thresholds"},
        "unit": unit,
        "thresholds": steps(limit),
        "mappings": list(mappings),
        "noValue": otherwise,
    }
    at_end = [{**asked, "instant": True, "range": False} for asked in queries]
    return _panel("stat", title, _with_line(description, limit), at_end, defaults, options, links)


def table(
    title: str,
    description: str,
    queries: Sequence[Json],
    unit: str,
    *,
    transformations: Sequence[Json],
    overrides: Sequence[Json] = (),
    sort_by: str = "",
) -> Json:
    """Return a table; `sort_by` names the column whose largest value comes first."""
    custom = {"align": "auto", "filterable": True}
    defaults = {"color": {"mode": "thresholds"}, "custom": custom, "unit": unit, "thresholds": steps(None)}
    options = {"showHeader": True, "sortBy": [{"displayName": sort_by, "desc": True}] if sort_by else []}
    panel = _panel("table", title, description, queries, defaults, options)
    panel["fieldConfig"]["overrides"] = list(overrides)
    panel["transformations"] = list(transformations)
    return panel


def state_timeline(
    title: str, description: str, queries: Sequence[Json], mappings: Sequence[Json], links: Sequence[Json] = ()
) -> Json:
    """Return states over time, a line each, told by words and colours."""
    custom = {"lineWidth": 0, "fillOpacity": 80}
    defaults = {"color": {"mode": "thresholds"}, "custom": custom, "unit": "none", "thresholds": steps(None)}
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.8,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return _panel(
        "state-timeline", title, description, queries, {**defaults, "mappings": list(mappings)}, options, links
    )


def heatmap(title: str, description: str, queries: Sequence[Json], unit: str) -> Json:
    """Return a map with a line for each series and a colour for its value; the scale is even for all kinds of sight."""
    options = {
        "calculate": False,
        "color": {
            "mode": "scheme",
            "scheme": "Viridis",
            "steps": 64,
            "reverse": False,
            "exponent": 0.5,
            "fill": "dark-orange",
        },
        "rowsFrame": {"layout": "auto"},
        "cellValues": {"unit": unit},
        "cellGap": 1,
        "filterValues": {},
        "showValue": "never",
        "yAxis": {"axisPlacement": "left", "reverse": False},
        "legend": {"show": True},
        "tooltip": {"show": True, "mode": "single", "yHistogram": False},
        "exemplars": {"color": palette.PURPLE},
    }
    return _panel("heatmap", title, description, queries, {"unit": unit}, options)


def columns(names: Mapping[str, str]) -> Json:
    """Return the transformation that puts these fields in this order under these names, and leaves the time out."""
    order = {name: index for index, name in enumerate(names)}
    options = {"excludeByName": {"Time": True, "Value": True}, "indexByName": order, "renameByName": dict(names)}
    return {"id": "organize", "options": options}


MERGED: Json = {"id": "merge", "options": {}}
"""The transformation that joins the answers to several queries by their labels."""


def override(column: str, **properties: Any) -> Json:
    """Return what differs for a column or series; `custom_width` stands for `custom.width`."""
    named = [{"id": name.replace("custom_", "custom."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byName", "options": column}, "properties": named}


def steps(limit: Limit | None) -> Json:
    """Return the thresholds of a panel: blue, and orange beyond the line."""
    if limit is None:
        return {"mode": "absolute", "steps": [{"color": palette.BLUE, "value": None}]}
    below, above = (palette.ORANGE, palette.BLUE) if limit.is_floor else (palette.BLUE, palette.ORANGE)
    return {"mode": "absolute", "steps": [{"color": below, "value": None}, {"color": above, "value": limit.value}]}


def _panel(
    kind: str,
    title: str,
    description: str,
    queries: Sequence[Json],
    defaults: Json,
    options: Json,
    links: Sequence[Json] = (),
) -> Json:
    targets = [
        {"refId": letter, "datasource": DATASOURCE, **asked} for letter, asked in zip(LETTERS, queries, strict=False)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets,
        "maxDataPoints": POINTS,
        "fieldConfig": {"defaults": {**defaults, **({"links": list(links)} if links else {})}, "overrides": []},
        "options": options,
    }


def _with_line(description: str, limit: Limit | None) -> str:
    return f"{description} {limit.words}" if limit else description


def _colours(queries: Sequence[Json]) -> list[Json]:
    """Give each of several queries its colour; where one query has many series, Grafana chooses."""
    if len(queries) < 2:
        return []
    return [
        {
            "matcher": {"id": "byFrameRefID", "options": letter},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for letter, colour, _ in zip(LETTERS, palette.SERIES, queries, strict=False)
    ]

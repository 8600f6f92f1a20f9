"""A dashboard around its rows."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.build import layout, palette
from grafana.build.links import Boards, menu
from grafana.build.panels import DATASOURCE, Json


def dashboard(
    board: Boards,
    description: str,
    variables: Sequence[Json],
    rows: Sequence[layout.Row],
    annotations: Sequence[Json] = (),
    since: str = "now-3h",
) -> Json:
    """Return a dashboard in the form of Grafana 9.0, which newer ones migrate when they read it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": description,
        "tags": ["runvitals"],
        "schemaVersion": 36,
        "version": 1,
        "editable": False,
        "timezone": "browser",
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "liveNow": False,
        "links": menu(board),
        "annotations": {"list": list(annotations)},
        "templating": {"list": list(variables)},
        "panels": layout.place(rows),
    }


def annotation(name: str, expr: str, title: str, text: str) -> Json:
    """Return marks on every graph, for as long as the query gives something."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": palette.VERMILION,
        "expr": expr,
        "step": "15s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "severity,category",
        "useValueForTime": False,
    }

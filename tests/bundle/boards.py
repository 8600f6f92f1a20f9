"""The shipped dashboards as tests read them, and their PromQL taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.bundle.shipped import Document
from tests.programs import ROOT

FOLDER = ROOT / "grafana" / "dashboards"
DASHBOARDS: dict[str, Document] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
VALUES = {"__rate_interval": "4m", "__range": "3h"}

_SELECTOR = re.compile(r'([a-zA-Z_:][\w:]*)\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}(\[[^\]]*\])?')
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_CALL = re.compile(r"(\w+)\s*(?:by\s*\(([^()]*)\)\s*)?$")


class Selector(NamedTuple):
    """A selector in a query: metric, matchers as (label, operator, value), its range, and where it begins."""

    metric: str
    matchers: list[tuple[str, str, str]]
    window: str
    begin: int


class Call(NamedTuple):
    """A function or aggregation around something, and the labels that it keeps (`by`)."""

    name: str
    by: list[str]


def panels(dashboard: Document) -> list[Document]:
    """Return the panels without the headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Document) -> Iterator[tuple[Document, str]]:
    """Yield each panel with each of its queries."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel, target["expr"]


def variables(dashboard: Document) -> dict[str, Document]:
    """Return the variables by their names."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def substituted(expr: str) -> str:
    """Return a query as Grafana sends it: variables outside of quotes have a value, those in quotes are any text."""
    return re.sub(r"\$(\w+)", lambda found: VALUES.get(found[1], found[0]), expr)


def selectors(expr: str) -> list[Selector]:
    """Return every selector with braces of a query."""
    return [
        Selector(found[1], _MATCHER.findall(found[2]), found[3] or "", found.start())
        for found in _SELECTOR.finditer(expr)
    ]


def calls_around(expr: str, place: int) -> list[Call]:
    """Return the functions and aggregations around a place in a query, from the inside out."""
    found = []
    depth = 0
    for at in range(place - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(expr[at], 0)
        if depth < 0:
            depth = 0
            if call := _CALL.search(expr[:at]):
                found.append(Call(call[1], [name.strip() for name in (call[2] or "").split(",") if name.strip()]))
    return found

"""What is asked of Prometheus: the rules, and each query of a dashboard as Grafana sends it for so long a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.bundle.boards import DASHBOARDS, panels, variables
from tests.bundle.shipped import ALERTS, RECORDINGS, Document

SCRAPE_SECONDS = 15
_NICE_STEPS = (15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
"""Steps in seconds that Grafana rounds to, none below the interval of scrapes."""


class Asked(NamedTuple):
    """A query: where it stands, its text, and its step over the time shown; at the end of it alone where that is 0."""

    place: str
    text: str
    step: int = 0


def rules() -> list[Asked]:
    """Return the expression of every rule."""
    return [
        Asked(rule.get("record") or rule["alert"], rule["expr"].strip()) for rule in (*RECORDINGS, *ALERTS.values())
    ]


def of_dashboards(hours: float, values: Mapping[str, Mapping[str, str]]) -> list[Asked]:
    """Return every query of the dashboards. `values` has those of the variables by dashboard; what it lacks is all."""
    return [
        asked
        for name, dashboard in DASHBOARDS.items()
        for asked in _of_dashboard(name, dashboard, hours, _filled(dashboard, values.get(name, {})))
    ]


def _of_dashboard(name: str, dashboard: Document, hours: float, values: Mapping[str, str]) -> Iterator[Asked]:
    board = name.removeprefix("runvitals-")
    for panel in panels(dashboard):
        step = step_of(hours, panel["maxDataPoints"])
        for target in panel.get("targets", []):
            text = _sent(target["expr"], values, step, hours)
            place = f"{board}: {panel['title']}"
            yield Asked(place, text, 0 if target.get("instant") else step)
    for note in dashboard["annotations"]["list"]:
        step = max(int(note["step"].removesuffix("s")), step_of(hours, 11_000))
        yield Asked(f"{board}: annotation {note['name']}", _sent(note["expr"], values, step, hours), step)
    for variable in variables(dashboard).values():
        if found := re.fullmatch(r"label_values\((.*), *(\w+)\)", str(variable["query"])):
            text = f"count by ({found[2]}) ({_sent(found[1], values, SCRAPE_SECONDS, hours)})"
            yield Asked(f"{board}: ${variable['name']}", text)


def step_of(hours: float, points: int) -> int:
    """Return the step of a graph with so many points at most, in seconds."""
    least = hours * 3600 / points
    return max((nice for nice in _NICE_STEPS if nice <= 1.25 * least), default=_NICE_STEPS[0])


def _filled(dashboard: Document, values: Mapping[str, str]) -> dict[str, str]:
    """Return what each variable stands for: what is given, else everything."""
    return {
        name: values.get(name) or variable.get("allValue") or ".*" for name, variable in variables(dashboard).items()
    }


def _sent(text: str, values: Mapping[str, str], step: int, hours: float) -> str:
    known = {
        **values,
        "__rate_interval": f"{max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s",
        "__range": f"{hours * 3600:.0f}s",
    }
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], found[0]), text)

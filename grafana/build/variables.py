"""The variables of the dashboards, each chained to those before it."""

from __future__ import annotations

from typing import Any

from grafana.build.panels import DATASOURCE, Json
from grafana.build.queries import CLUSTER, JOB, RUN, select
from runvitals.catalogue import metrics
from runvitals.catalogue.signals import Signal

_NUMERICAL = 3
_ALPHABETICAL = 1


def datasource() -> Json:
    """Return the choice of a Prometheus: no dashboard names one itself."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {},
        "options": [],
    }


def cluster() -> Json:
    """Return the choice of clusters; all includes the series without the label, as a single Prometheus has them."""
    return _choice("cluster", f"label_values({metrics.BUILD_INFO.name}, cluster)", all_value=".*")


def job() -> Json:
    """Return the choice of scrape jobs."""
    return _choice("job", f"label_values({select(metrics.BUILD_INFO, CLUSTER)}, job)", all_value=".+")


def instance() -> Json:
    """Return the choice of sidecars."""
    return _choice("instance", f"label_values({select(metrics.BUILD_INFO, JOB)}, instance)", all_value=".+")


def runs() -> Json:
    """Return the choice of many runs. All is each by name, so that what has no job is chained too."""
    return _choice("run", f"label_values({select(metrics.RUN_INFO, JOB)}, run)")


def run(signal: Signal | None = None) -> Json:
    """Return the choice of one run, of those that have steps, or of those that have this signal."""
    of = select(metrics.SIGNAL_VALUE, JOB, f'signal="{signal.name}"') if signal else select(metrics.RUN_STEP, JOB)
    return _choice("run", f"label_values({of}, run)", several=False)


def any_run() -> Json:
    """Return the choice of one run or server, whatever it reports."""
    return _choice("run", f"label_values({select(metrics.RUN_INFO, JOB)}, run)", several=False)


def rank() -> Json:
    """Return the choice of one rank."""
    return _choice("rank", f"label_values({select(metrics.RUN_INFO, RUN)}, rank)", several=False, sort=_NUMERICAL)


def ranks() -> Json:
    """Return the choice of any number of ranks."""
    return _choice("rank", f"label_values({select(metrics.RUN_INFO, RUN)}, rank)", all_value=".+", sort=_NUMERICAL)


def _choice(
    name: str, asked: str, *, several: bool = True, all_value: str | None = None, sort: int = _ALPHABETICAL
) -> Json:
    everything: dict[str, Any] = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": asked,
        "definition": asked,
        "refresh": 2,  # when the time range changes
        "regex": "",
        "sort": sort,
        "hide": 0,
        "multi": several,
        "includeAll": several,
        **({"allValue": all_value} if all_value else {}),
        "current": everything if several else {},
        "options": [],
    }

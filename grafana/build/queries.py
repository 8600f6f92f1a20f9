"""PromQL over the catalogue's metrics. A run or rank that two sidecars show is one: nothing keeps job or instance.

What is selected: many runs by the multi-valued variable, which Grafana escapes as a regular expression; one run or rank
by equality, so that a name may hold the signs of regular expressions. Cost: a query over all ranks of a run gives a
handful of series (an aggregate, or the few worst at the end); one series a rank only where a single rank is chosen.
"""

from __future__ import annotations

import re

from runvitals.catalogue import metrics
from runvitals.catalogue.metrics import Metric
from runvitals.catalogue.signals import Signal

CLUSTER = 'cluster=~"$cluster"'
JOB = f'{CLUSTER}, job=~"$job"'
FLEET = f'{JOB}, run=~"$run"'
RUN = f'{JOB}, run="$run"'
RANK = f'{RUN}, rank="$rank"'
RANKS = f'{RUN}, rank=~"$rank"'
SIDECAR = f'{JOB}, instance=~"$instance"'

HAZARD = 'horizon="50"'
NEXT_STEP = 'horizon="1"'
WHOLE = 'layer=""'
LAYERS = 'layer!=""'


def select(metric: Metric | str, *matchers: str) -> str:
    """Return a selector."""
    name = metric if isinstance(metric, str) else metric.name
    return f"{name}{{{', '.join(matchers)}}}"


def of_signal(signal: Signal, scope: str, metric: Metric = metrics.SIGNAL_VALUE, layer: str = WHOLE) -> str:
    """Return the selector of a signal: of the rank as a whole, or of its layers."""
    return select(metric, scope, f'signal="{signal.name}"', layer)


def rate(selector: str) -> str:
    """Return the rate per second of a counter."""
    return f"rate({selector}[$__rate_interval])"


def increase(selector: str) -> str:
    """Return what a counter has grown by in one interval of the graph."""
    return f"increase({selector}[$__rate_interval])"


def largest(count: int, expr: str) -> str:
    """Return the series of a query that are largest at the end of the time shown, over the whole of it.

    A plain topk chooses anew at each step, so that a graph may get a series for each of its points.
    """
    return f"{expr} and topk({count}, {_at_end(expr)})"


def smallest(count: int, expr: str) -> str:
    """Return the series of a query that are smallest at the end of the time shown, over the whole of it."""
    return f"{expr} and bottomk({count}, {_at_end(expr)})"


def worst(signal: Signal, selector: str, by: str, count: int) -> str:
    """Return the few series on whose side the signal is bad: the largest, or the smallest."""
    if signal.bad_side == "low":
        return smallest(count, f"min by ({by}) ({selector})")
    return largest(count, f"max by ({by}) ({selector})")


def _at_end(expr: str) -> str:
    """Return a query with each of its selectors evaluated at the end of the time shown."""
    return re.sub(r"\{[^{}]*\}(\[[^\]]*\])?", r"\g<0> @ end()", expr)

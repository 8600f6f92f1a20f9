"""What is said of a fault: what detects it, from when on it counts, and what to do first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from runvitals.values import EventKind

Category = Literal["data", "parameters", "structure", "infrastructure"]
Severity = Literal["critical", "warning", "info"]
Scope = Literal["rank", "cluster"]


class Threshold(NamedTuple):
    """A number a fault depends on: its default, what it means, and where the default comes from."""

    value: float
    meaning: str
    source: str


class Fault(NamedTuple):
    """One thing that can be wrong.

    `detector` names who watches for it, on each of `signals` (empty: on the rank's events or on the clock), knowing the
    signals of `context` besides; `has_layers` shows it the samples of single layers too, `events` names the kinds of
    events that it reads. The fault opens when at least `open_count` of the last `open_window` verdicts on one signal of
    one layer fire, and closes after `close_count` verdicts in a row there that do not. A fault of scope `cluster` is
    seen by Prometheus alone, which compares ranks: it has no detector, and its alert rule is written by hand.
    """

    name: str
    category: Category
    severity: Severity
    scope: Scope
    detector: str
    signals: tuple[str, ...]
    summary: str
    first_action: str
    context: tuple[str, ...] = ()
    thresholds: Mapping[str, Threshold] = {}
    open_count: int = 1
    open_window: int = 1
    close_count: int = 1
    has_layers: bool = False
    events: tuple[EventKind, ...] = ()

"""Metrics picked by the config, read in the same way as those of a known server."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runvitals.catalogue.signals import Signal
from runvitals.sources.prometheus.distribution import Distribution, Timing
from runvitals.sources.prometheus.meaning import Meaning, split_suffix
from runvitals.sources.prometheus.reading import Level, Rate, Reading
from runvitals.sources.prometheus.settings import FACTORS, MetricSettings
from runvitals.sources.prometheus.term import Term

PICKED = "config"
"""The engine that picked metrics belong to: a pick's number in the config is a part of the metric's key."""

MAX_METRICS = 500
"""Metrics that all patterns together may match."""

_DISTRIBUTIONS = ("histogram", "summary")
_AVERAGED = ("ratio", "percent", "seconds", "milliseconds", "microseconds", "nanoseconds")


class Picks:
    """Finds the metrics that match a pattern of the config, and keeps a reading for each."""

    def __init__(self, settings: tuple[MetricSettings, ...]) -> None:
        self._settings = [(one, re.compile(one.match)) for one in settings]
        self._refused = 0
        self.readings: dict[str, tuple[MetricSettings, Reading]] = {}

    def meanings(self, name: str) -> tuple[Meaning, ...]:
        """Return what a name on the page means, for each pattern that matches."""
        found = []
        for number, (pick, pattern) in enumerate(self._settings):
            base, part = _split(name, pick)
            if pattern.fullmatch(base) and self._knows(f"{number}:{base}", base, pick):
                found.append(Meaning(PICKED, f"{number}:{base}", part))
        return tuple(found)

    def take_refused(self) -> int:
        """Return how many metrics were refused since the last call, because there are too many."""
        refused, self._refused = self._refused, 0
        return refused

    def _knows(self, key: str, base: str, pick: MetricSettings) -> bool:
        if key not in self.readings:
            if len(self.readings) >= MAX_METRICS:
                self._refused += 1
                return False
            self.readings[key] = pick, _reading(key, pick, pick.signal or signal_name(base, pick))
        return True


def signal_name(metric: str, pick: MetricSettings) -> str:
    """Return the signal's name for a metric: as the metric, in the base unit, and per second for a counter.

    >>> signal_name("my:queue_time_ms", MetricSettings(match=".*", type="histogram", unit="milliseconds"))
    'my_queue_time_seconds'
    >>> signal_name("errors_total", MetricSettings(match=".*", type="counter"))
    'errors_per_second'
    """
    name = metric.replace(":", "_").strip("_")
    for foreign, base in _UNIT_NAMES.get(pick.unit, {}).items():
        if name.endswith(foreign):
            name = name.removesuffix(foreign) + base
            break
    return f"{name.removesuffix('_total')}_per_second" if pick.type == "counter" else name


_UNIT_NAMES: Mapping[str, Mapping[str, str]] = {
    "milliseconds": {"_milliseconds": "_seconds", "_ms": "_seconds"},
    "microseconds": {"_microseconds": "_seconds", "_us": "_seconds"},
    "nanoseconds": {"_nanoseconds": "_seconds", "_ns": "_seconds"},
    "percent": {"_percent": "_ratio", "_perc": "_ratio"},
    "kibibytes": {"_kibibytes": "_bytes", "_kb": "_bytes"},
    "mebibytes": {"_mebibytes": "_bytes", "_mb": "_bytes"},
    "gibibytes": {"_gibibytes": "_bytes", "_gb": "_bytes"},
}


def _reading(metric: str, pick: MetricSettings, name: str) -> Reading:
    signal = Signal(name, "", "")
    term = Term(metric, pick.labels, FACTORS[pick.unit])
    if pick.type == "gauge":
        return Level(signal, (term,), pick.combine or ("mean" if pick.unit in _AVERAGED else "sum"))
    if pick.type == "counter":
        return Rate(signal, (term,))
    return Distribution(Timing(signal, _quantile(name, "p50"), _quantile(name, "p99")), term)


def _quantile(name: str, quantile: str) -> Signal:
    """Return the signal of a quantile: `request_seconds` becomes `request_p50_seconds`."""
    before, found, unit = name.rpartition("_seconds")
    return Signal(f"{before}_{quantile}{found}{unit}" if found and not unit else f"{name}_{quantile}", "", "")


def _split(name: str, pick: MetricSettings) -> tuple[str, str]:
    base, part = split_suffix(name)
    if pick.type in _DISTRIBUTIONS:
        return (name, "value") if part == "total" else (base, part)
    return name, "value"

"""Where samples and events come from, one file a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from runvitals.sources.gpu.settings import GpuSettings, is_gpu_here
from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.process import ProcessSettings, ProcessSource
from runvitals.sources.prometheus.settings import PrometheusSettings
from runvitals.sources.ring import RingSettings, RingSource
from runvitals.sources.source import Source
from runvitals.sources.statsd import StatsdSettings, StatsdSource

AnySourceSettings = RingSettings | StatsdSettings | ProcessSettings | GpuSettings | PrometheusSettings | LogfileSettings


_Factory = Callable[[Any, str], Source]


def _late(module: str, name: str) -> _Factory:
    """Return what makes a source of a class that is imported when it is made first."""

    def make(settings: AnySourceSettings, source_name: str) -> Source:
        source: Source = getattr(import_module(f"{__name__}.{module}"), name)(settings, source_name)
        return source

    return make


SOURCES: Mapping[str, _Factory] = {
    "ring": RingSource,
    "statsd": StatsdSource,
    "process": ProcessSource,
    "gpu": _late("gpu.source", "GpuSource"),  # its library takes 5 MiB, and most machines have no GPU
    "prometheus": _late("prometheus.source", "PrometheusSource"),  # its tables and HTTP: for those who scrape alone
    "logfile": _late("logfile.source", "LogfileSource"),  # its formats: for those who read files alone
}
"""What reads each kind of source; each is made with its settings and its name."""

OPERATOR = "operator"
"""The source of operators' decisions, which is there by itself."""


def kind_of(settings: AnySourceSettings) -> str:
    """Return the kind of a source as the config calls it."""
    return str(type(settings).__struct_config__.tag)


def default_sources() -> list[AnySourceSettings]:
    """Return what is watched without any config: ring folders, StatsD on loopback, the rings' processes, GPUs."""
    gpus = [GpuSettings()] if is_gpu_here() else []
    return [RingSettings(), StatsdSettings(), ProcessSettings(), *gpus]


def named_sources(settings: Iterable[AnySourceSettings]) -> dict[str, AnySourceSettings]:
    """Return the sources by name: their own, else their kind.

    Raises ValueError for a name that stands twice or is the sidecar's own.
    """
    named: dict[str, AnySourceSettings] = {}
    for one in settings:
        name = one.name or kind_of(one)
        if name in named or name == OPERATOR:
            raise ValueError(name)
        named[name] = one
    return named


def build_source(name: str, settings: AnySourceSettings) -> Source:
    """Return the source that the settings describe, not yet polled."""
    return SOURCES[kind_of(settings)](settings, name)

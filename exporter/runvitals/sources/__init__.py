"""Where samples and events come from, one file a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runvitals.sources.gpu.settings import GpuSettings, is_gpu_here
from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.process import ProcessSettings, ProcessSource
from runvitals.sources.prometheus.settings import PrometheusSettings
from runvitals.sources.ring import RingSettings, RingSource
from runvitals.sources.source import Source
from runvitals.sources.statsd import StatsdSettings, StatsdSource

AnySourceSettings = RingSettings | StatsdSettings | ProcessSettings | GpuSettings | PrometheusSettings | LogfileSettings


def _gpu_source(settings: GpuSettings, name: str) -> Source:
    from runvitals.sources.gpu.source import GpuSource  # its library takes 5 MiB, and most machines have no GPU

    return GpuSource(settings, name)


def _prometheus_source(settings: PrometheusSettings, name: str) -> Source:
    from runvitals.sources.prometheus.source import PrometheusSource  # its tables and HTTP: for those who scrape alone

    return PrometheusSource(settings, name)


def _logfile_source(settings: LogfileSettings, name: str) -> Source:
    from runvitals.sources.logfile.source import LogfileSource  # its formats: for those who read files alone

    return LogfileSource(settings, name)


SOURCES: Mapping[str, Any] = {
    "ring": RingSource,
    "statsd": StatsdSource,
    "process": ProcessSource,
    "gpu": _gpu_source,
    "prometheus": _prometheus_source,
    "logfile": _logfile_source,
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
    source: Source = SOURCES[kind_of(settings)](settings, name)
    return source

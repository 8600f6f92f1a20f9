"""Metric families as text, in the Prometheus or the OpenMetrics format: the one place where they are rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Sample
from prometheus_client.core import Metric as ClientFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from runvitals.exposition.accept import Choice, choices
from runvitals.exposition.families import Family, LabelValues

_FAMILY_TYPES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
_VERSIONS = {
    "application/openmetrics-text": {"", "0.0.1", "1.0.0"},
    "text/plain": {"", "0.0.4", "1.0.0"},
}


class Format(NamedTuple):
    """An exposition format: its content type, and what writes it."""

    content_type: str
    encode: Callable[[Collector], bytes]


def negotiate(accept: str) -> Format:
    """Return the best format for an Accept header; the Prometheus text format 0.0.4 where it names none we have."""
    wanted = ",".join(choice.text for choice in choices(accept) if _is_supported(choice))
    encode, content_type = choose_encoder(wanted)
    return Format(content_type, encode)


def _is_supported(choice: Choice) -> bool:
    return choice.parameters.get("version", "") in _VERSIONS.get(choice.name, ())


def render(families: Iterable[Family], output: Format) -> bytes:
    """Write the families in this format."""
    return output.encode(_Page(families))


class _Page(Collector):
    """What an encoder asks for: the families, one after the other. It holds finished numbers and cannot fail."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[ClientFamily]:
        return map(_client_family, self._families)


def _client_family(family: Family) -> ClientFamily:
    metric = family.metric
    converted: ClientFamily = _FAMILY_TYPES[metric.kind](metric.name, metric.help)
    converted.samples = [
        Sample(metric.name, _labels(metric.labels, values), value) for values, value in family.samples.items()
    ]
    return converted


def _labels(names: tuple[str, ...], values: LabelValues) -> dict[str, str]:
    return {name: value for name, value in zip(names, values, strict=True) if value}

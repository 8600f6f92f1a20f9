"""Metric families as text, in the Prometheus or the OpenMetrics format: the one place where they are rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Sample
from prometheus_client.core import Metric as ClientFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from runvitals.catalogue.metrics import Metric
from runvitals.exposition.accept import Choice, choices
from runvitals.exposition.families import Family, LabelValues

_FAMILY_TYPES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
_go: Callable[[float], str] = floatToGoString
_LABEL = re.compile(r'([^",]+)="([0-9]+)"')
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
    return _format(",".join(choice.text for choice in choices(accept) if _is_supported(choice)))


@lru_cache(maxsize=64)
def _format(wanted: str) -> Format:
    encode, content_type = choose_encoder(wanted)
    return Format(content_type, encode)


def _is_supported(choice: Choice) -> bool:
    return choice.parameters.get("version", "") in _VERSIONS.get(choice.name, ())


def render(families: Iterable[Family], output: Format) -> bytes:
    """Write the families in this format.

    prometheus_client writes the head and the shape of a line, once for each metric; the lines themselves, of which a
    page may have a hundred thousand, are filled in here.
    """
    texts: dict[tuple[str, ...], _LabelTexts] = {}
    head_and_lines: list[str] = []
    for metric, samples in families:
        shape = _shape(output.encode, metric)
        labels = texts.setdefault(metric.labels, _LabelTexts(shape.labels))
        head_and_lines.append(shape.head)
        name = shape.name
        head_and_lines += [
            # From a million on Go's notation differs from Python's, and NaN and the infinities have other names.
            f"{name}{labels[values]} {value!r}\n" if -1e6 < value < 1e6 else f"{name}{labels[values]} {_go(value)}\n"
            for values, value in samples.items()
        ]
    return "".join((*head_and_lines, _end(output.encode))).encode()


class _Shape(NamedTuple):
    """How a metric is written: its HELP and TYPE, its name, and its labels' names with their places, in their order."""

    head: str
    name: str
    labels: tuple[tuple[str, int], ...]


class _LabelTexts(dict[LabelValues, str]):
    """The text of label values, made once however many metrics carry them; empty ones are left out."""

    def __init__(self, labels: tuple[tuple[str, int], ...]) -> None:
        self._labels = labels

    def __missing__(self, values: LabelValues) -> str:
        pairs = [f'{name}="{_escaped(values[place])}"' for name, place in self._labels if values[place]]
        text = self[values] = "{" + ",".join(pairs) + "}" if pairs else ""
        return text


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@lru_cache(maxsize=1024)
def _shape(encode: Callable[[Collector], bytes], metric: Metric) -> _Shape:
    """Let prometheus_client write one sample, each label's value its place."""
    values = {name: str(place) for place, name in enumerate(metric.labels)}
    family: ClientFamily = _FAMILY_TYPES[metric.kind](metric.name, metric.help)
    family.samples = [Sample(metric.name, values, 0.0)]
    *heads, line = encode(_Page([family])).decode().removesuffix(_end(encode)).splitlines(keepends=True)
    name, _, labels = line.rpartition(" ")[0].partition("{")
    return _Shape("".join(heads), name, tuple((label, int(place)) for label, place in _LABEL.findall(labels)))


@lru_cache(maxsize=16)
def _end(encode: Callable[[Collector], bytes]) -> str:
    """Return what the format writes after the last family: a page without any."""
    return encode(_Page([])).decode()


class _Page(Collector):
    """What an encoder asks for."""

    def __init__(self, families: Iterable[ClientFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[ClientFamily]:
        return iter(self._families)

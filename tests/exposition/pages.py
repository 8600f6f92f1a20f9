"""Reads metrics pages back, with the parsers of prometheus_client."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
ACCEPTS = {"text": "text/plain;version=0.0.4", "openmetrics": OPENMETRICS}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_page(text: str, output: str) -> Samples:
    """Return all samples of a page by name and labels; fails if one stands there twice."""
    parse = parse_openmetrics if output == "openmetrics" else parse_text
    found = [sample for family in parse(text) for sample in family.samples]
    samples = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}
    assert len(samples) == len(found)
    return samples


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return what `read_page` files a sample under."""
    return name, frozenset(labels.items())

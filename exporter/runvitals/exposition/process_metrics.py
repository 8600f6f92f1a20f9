"""The sidecar's own process: CPU, memory, file descriptors and start time, under the names every exporter uses."""

from __future__ import annotations

from prometheus_client import ProcessCollector

from runvitals.catalogue.metrics import Kind, Metric
from runvitals.exposition.families import Family

_KINDS: dict[str, Kind] = {"gauge": "gauge", "counter": "counter"}


def process_families(proc: str = "/proc") -> list[Family]:
    """Return the families of prometheus_client's process collector; raises what it raises on an odd `proc` folder."""
    collected = ProcessCollector(proc=proc, registry=None).collect()
    return [
        Family(Metric(sample.name, _KINDS[family.type], family.documentation), {(): float(sample.value)})
        for family in collected
        for sample in family.samples
    ]

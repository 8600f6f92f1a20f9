"""What recording and alert rules would have kept of the past, worked out by Prometheus and written into it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bundle.shipped import ALERTS, RECORDINGS, Document
from tests.cluster import remote_write
from tests.cluster.asking import Asking


def keep_the_past(asking: Asking, url: str, step: int) -> None:
    """Write each rule's series over the stretch that is asked for; those that rest on others after them."""
    for rule in RECORDINGS:
        remote_write.write(url, _series(asking, rule, {"__name__": rule["record"]}, step))
    for name, rule in ALERTS.items():
        own = {"__name__": "ALERTS", "alertname": name, "alertstate": "firing", **rule.get("labels", {})}
        remote_write.write(url, _series(asking, rule, own, step))


def _series(asking: Asking, rule: Document, own: dict[str, str], step: int) -> Iterator[bytes]:
    for series in asking.data(rule["expr"], step)["result"]:
        values = ((float(time), 1.0 if "alert" in rule else float(value)) for time, value in series["values"])
        yield remote_write.labels({**series["metric"], **own}) + remote_write.samples(values)

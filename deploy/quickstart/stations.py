"""What each station on the way says: sidecar, Prometheus, Alertmanager, and the messages that arrived."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from runvitals.catalogue import metrics, signals

from . import fetch

Json = dict[str, Any]  # decoded JSON: its shape is that of the program that answers


class Fault(NamedTuple):
    """A fault of a rank, by the labels that every station knows it by."""

    run: str
    rank: str
    name: str

    def __str__(self) -> str:
        """Name it as in a sentence."""
        return f"{self.name} on {self.run}, rank {self.rank}"


class Vitals(NamedTuple):
    """The vitals of one run as the sidecar's page shows them; None where it has no answer."""

    step: float | None
    loss: float | None
    grad_norm: float | None
    zscore: float | None
    probability: float | None


def vitals(sidecar: str, run: str) -> Vitals:
    """Read the vitals of a run from the sidecar's page. Raises NoAnswerError."""
    page = fetch.text(f"{sidecar}/metrics")
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    mine = [sample for sample in samples if sample.labels.get("run") == run]
    return Vitals(
        step=_value(mine, metrics.RUN_STEP),
        loss=_value(mine, metrics.SIGNAL_VALUE, signal=signals.LOSS.name),
        grad_norm=_value(mine, metrics.SIGNAL_VALUE, signal=signals.GRAD_NORM.name),
        zscore=_value(mine, metrics.SIGNAL_ZSCORE, signal=signals.GRAD_NORM.name),
        probability=_value(mine, metrics.EXPLOSION_PROBABILITY, horizon="1"),
    )


def _value(samples: list[Sample], metric: metrics.Metric, **labels: str) -> float | None:
    for sample in samples:
        if sample.name == metric.name and labels.items() <= sample.labels.items():
            return sample.value
    return None


def findings(sidecar: str) -> list[Json]:
    """Return the findings, open and closed, in the order in which they opened. Raises NoAnswerError."""
    return sorted(_list(fetch.document(f"{sidecar}/findings")), key=lambda finding: float(finding["opened_time"]))


def scraped_faults(prometheus: str) -> set[Fault]:
    """Return the faults that Prometheus has scraped as active. Raises NoAnswerError."""
    query = urlencode({"query": f"{metrics.FAULT_ACTIVE.name} == 1"})
    results = _list(_dig(fetch.document(f"{prometheus}/api/v1/query?{query}"), "data", "result"))
    return _faults(result["metric"] for result in results)


def firing_alerts(prometheus: str) -> set[Fault]:
    """Return the faults for which an alert fires in Prometheus. Raises NoAnswerError."""
    alerts = _list(_dig(fetch.document(f"{prometheus}/api/v1/alerts"), "data", "alerts"))
    return _faults(alert["labels"] for alert in alerts if alert["state"] == "firing")


def received_alerts(alertmanager: str) -> set[Fault]:
    """Return the faults for which Alertmanager holds an alert. Raises NoAnswerError."""
    return _faults(alert["labels"] for alert in _list(fetch.document(f"{alertmanager}/api/v2/alerts")))


def knows_alertmanager(prometheus: str) -> bool:
    """Tell whether Prometheus has taken up its Alertmanager."""
    try:
        answer = fetch.document(f"{prometheus}/api/v1/alertmanagers")
    except fetch.NoAnswerError:
        return False
    return bool(_dig(answer, "data", "activeAlertmanagers"))


def alerts_page(prometheus: str) -> str:
    """Return the address of the page of Prometheus's alerts, which depends on who built it; at worst its front page."""
    pages = (f"{prometheus}{path}" for path in ("/alerts", "/classic/alerts"))
    return next((page for page in pages if fetch.answers(page)), prometheus)


def messages(inbox: Path) -> list[Json]:
    """Return the e-mails and SMS received so far; the line that is being written is left for the next time."""
    if not inbox.exists():
        return []
    lines = inbox.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def _faults(labels: Iterable[dict[str, str]]) -> set[Fault]:
    return {Fault(each["run"], each["rank"], each["fault"]) for each in labels if "fault" in each}


def _dig(document: object, *keys: str) -> object:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _list(document: object) -> list[Json]:
    return document if isinstance(document, list) else []

"""A finding as the alert that the shipped rule would raise on it."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import quote_plus

import msgspec

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import RUNBOOKS, alert_name, dashboard_url, runbook_url
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.values import EvidenceRole, Finding

MAX_DESCRIPTION = 2_000


class Alert(msgspec.Struct, frozen=True):
    """What Alertmanager knows an alert by (`labels`), and what is told of it."""

    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """Return what two alerts have in common that are one."""
        return tuple(sorted(self.labels.items()))


def alert_of(finding: Finding, settings: AlertmanagerSettings, runbooks: str = RUNBOOKS) -> Alert:
    """Return the alert on a finding, with a link to its section of `runbooks`."""
    return Alert(_present(_labels(finding, settings)), _present(_annotations(finding, settings, runbooks)))


def _labels(finding: Finding, settings: AlertmanagerSettings) -> dict[str, str]:
    """Return the labels of the rule; an external label never replaces one of the alert's own, as in Prometheus."""
    kept = {name: value for name, value in settings.target_labels.items() if name in settings.kept}
    own = {
        "alertname": alert_name(finding.fault),
        "run": finding.run,
        "rank": finding.rank,
        "fault": finding.fault,
        "category": finding.category,
        "severity": finding.severity,
    }
    return {**settings.external_labels, **kept, **own}


def _annotations(finding: Finding, settings: AlertmanagerSettings, runbooks: str) -> dict[str, str]:
    known = faults.BY_NAME.get(finding.fault)
    summary = known.summary if known else finding.fault
    return {
        "summary": summary,
        "description": _description(finding, summary),
        "action": finding.first_action,
        "step": "" if finding.opened_step is None else str(finding.opened_step),
        "opened": as_go_time(finding.opened_time),
        "confidence": as_percentage(finding.confidence),
        "runbook_url": runbook_url(alert_name(finding.fault), runbooks),
        "dashboard_url": _dashboard(finding, settings),
    }


def _dashboard(finding: Finding, settings: AlertmanagerSettings) -> str:
    if not settings.grafana:
        return ""
    return dashboard_url(
        finding.fault, quote_plus(_sendable(finding.run)), quote_plus(_sendable(finding.rank)), settings.grafana
    )


def _description(finding: Finding, summary: str) -> str:
    """Return the sentences of the rule, with what was seen at the opening in place of the newest values."""
    since = "" if finding.opened_step is None else f", since step {finding.opened_step}"
    head = f"{summary} Rank {finding.rank} of run {finding.run}{since} ({as_percentage(finding.confidence)} sure)."
    seen = [one.sentence for one in finding.evidence if one.role is not EvidenceRole.CONSEQUENCE]
    evidence = "; ".join(one.removesuffix(".") for one in dict.fromkeys(seen))
    told = f"{head} {evidence}." if evidence else head
    return f"{told[:MAX_DESCRIPTION]} First: {finding.first_action}"


def as_percentage(ratio: float) -> str:
    """Return a ratio as Prometheus's humanizePercentage writes it."""
    return f"{100.0 * ratio:.4g}%"


def as_go_time(seconds: float) -> str:
    """Return a time as Prometheus's humanizeTimestamp writes it: UTC, to the millisecond."""
    milliseconds = int(seconds * 1000.0)
    moment = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    fraction = f".{milliseconds % 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def _present(texts: dict[str, str]) -> dict[str, str]:
    """Return the texts that are not empty, fit to be sent: an empty label is none, as in Prometheus."""
    return {name: _sendable(text) for name, text in texts.items() if text}


def _sendable(text: str) -> str:
    """Return the text with each lone surrogate as U+FFFD, which is what the page of metrics shows."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

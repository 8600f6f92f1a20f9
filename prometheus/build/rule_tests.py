"""The promtool test of a fault's alert: it fires with its evidence, waits, clears, is silent when healthy."""

from __future__ import annotations

import json
from collections.abc import Iterator

from prometheus.build.rules import dashboard_link
from prometheus.build.waits import wait_of
from runvitals.catalogue import faults, metrics
from runvitals.catalogue.alerts import alert_name, runbook_url
from runvitals.catalogue.faults import Fault

_RANK = 'run="llama", rank="3"'
_SIDECAR = 'instance="a:9877"'
_VALUES = {metrics.RUN_STEP.name: 4117, metrics.RUN_LAST_STEP_TIMESTAMP.name: 60, metrics.RUN_INFO.name: 1}

_TEST = """\
# {alert}: {summary}
# Written by `python -m prometheus.build`. A sample every 15 s; the finding opens before the scrape of 2m45s (sample 11)
# and closes before that of 7m45s (sample 31).
rule_files:
  - ../../rules/faults.yml
evaluation_interval: 15s

tests:
  - name: it fires with the evidence that the metrics hold, and clears as soon as the finding has closed
    interval: 15s
    input_series:
      # No series until the fault has been seen: absent is not 0, and neither alerts.
{seen}
    alert_rule_test:
      - eval_time: 2m30s  # healthy
        alertname: {alert}
        exp_alerts: []
{waiting}      - eval_time: {first}  # the first evaluation at which it may fire
        alertname: {alert}
        exp_alerts:
{told}
      - eval_time: 7m30s  # the last scrape before it closes
        alertname: {alert}
        exp_alerts:
{told_at_last}
      - eval_time: 7m45s  # closed: a 0 is a recovery, and nobody waits for it
        alertname: {alert}
        exp_alerts: []

  - name: it fires in plain words when nothing else is known, and a series that is lost is not a recovery
    interval: 15s
    input_series:
      - series: {active}
        values: '0x10 1x8 stale _x5 1x10'
    alert_rule_test:
      - eval_time: 2m30s  # 0: it has been open once, and is not now
        alertname: {alert}
        exp_alerts: []
      - eval_time: 4m45s  # open
        alertname: {alert}
        exp_alerts:
{plain}
      - eval_time: 5m15s  # the series is gone, the alert stays
        alertname: {alert}
        exp_alerts:
{plain}
      - eval_time: 7m  # and is there again
        alertname: {alert}
        exp_alerts:
{plain}
      - eval_time: 13m45s  # lost for good after 9m, and the machine's absence has been told meanwhile
        alertname: {alert}
        exp_alerts:
{plain}
      - eval_time: 14m30s
        alertname: {alert}
        exp_alerts: []

  - name: it keeps what is known while nothing is heard of it
    interval: 15s
    input_series:
{lost}
    alert_rule_test:
      - eval_time: 6m  # lost after 4m30s; one of another category had ended before it
        alertname: {alert}
        exp_alerts:
{told_when_lost}

  - name: other faults of the same rank do not fire it
    interval: 15s
    input_series:
      - series: {other}
        values: '1x40'
    alert_rule_test:
      - eval_time: 10m
        alertname: {alert}
        exp_alerts: []
"""

_WAITING = """\
      - eval_time: 2m45s  # open, and not yet for long enough
        alertname: {alert}
        exp_alerts: []
"""

_TOLD = """\
          - exp_labels: {{run: llama, rank: "3", fault: {fault}, category: {category}, severity: {severity}}}
            exp_annotations:
              summary: {summary}
              description: {description}
              action: {action}
              step: "{step}"
              opened: "{opened}"
              confidence: "{confidence}"
              dashboard_url: {dashboard}
              runbook_url: {runbook}"""


def rule_test(fault: Fault) -> str:
    """Return the text of a fault's test."""
    wait = wait_of(fault)
    first, age = ("3m45s", "2m 45s") if wait.duration else ("2m45s", "1m 45s")
    return _TEST.format(
        alert=alert_name(fault.name),
        summary=fault.summary,
        seen="\n".join(_series(name, labels, values) for name, labels, values in _seen(fault)),
        lost="\n".join(_series(name, labels, values) for name, labels, values in _lost(fault)),
        waiting=_WAITING.format(alert=alert_name(fault.name)) if wait.duration else "",
        first=first,
        told=_told(fault, _known(fault, age), "4117", "1970-01-01 00:02:44.5 +0000 UTC", "75%"),
        told_at_last=_told(fault, _known(fault, "6m 30s"), "4117", "1970-01-01 00:02:44.5 +0000 UTC", "75%"),
        told_when_lost=_told(fault, _known_when_lost(fault), "4117", "1970-01-01 00:02:44.5 +0000 UTC", "75%"),
        plain=_told(fault, "."),
        active=json.dumps(f"{metrics.FAULT_ACTIVE.name}{{{_finding(fault)}}}"),
        other=json.dumps(f"{metrics.FAULT_ACTIVE.name}{{{_finding(_another(fault))}}}"),
    )


def _another(fault: Fault) -> Fault:
    return faults.HANG if fault is faults.LOSS_SPIKE else faults.LOSS_SPIKE


def _finding(fault: Fault) -> str:
    labels = {"fault": fault.name, "category": fault.category, "severity": fault.severity}
    return ", ".join((_RANK, *(f'{name}="{value}"' for name, value in labels.items()), _SIDECAR))


def _seen(fault: Fault) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the labels and the values of what a scraper sees."""
    yield metrics.FAULT_ACTIVE.name, _finding(fault), "_x11 1x19 0x40"
    yield metrics.FAULT_OPENED_STEP.name, _finding(fault), "_x11 4117x19 stale"
    yield metrics.FAULT_OPENED_TIMESTAMP.name, _finding(fault), "_x11 164.5x19 stale"
    yield metrics.FAULT_CONFIDENCE.name, _finding(fault), "_x11 0.75x19 stale"
    yield from _signals(fault) if fault.signals else _process()


def _lost(fault: Fault) -> Iterator[tuple[str, str, str]]:
    """Yield what a scraper sees until the sidecar is gone, and what it saw of an earlier finding just before."""
    earlier = _finding(fault).replace(f'category="{fault.category}"', 'category="other"')
    for metric, value in ((metrics.FAULT_OPENED_STEP, 9000), (metrics.FAULT_OPENED_TIMESTAMP, 60)):
        yield metric.name, earlier, f"_x5 {value}x5 stale"
    yield metrics.FAULT_ACTIVE.name, _finding(fault), "_x11 1x6 stale"
    yield metrics.FAULT_OPENED_STEP.name, _finding(fault), "_x11 4117x6 stale"
    yield metrics.FAULT_OPENED_TIMESTAMP.name, _finding(fault), "_x11 164.5x6 stale"
    yield metrics.FAULT_CONFIDENCE.name, _finding(fault), "_x11 0.75x6 stale"
    yield from ((name, labels, f"{_VALUES[name]}x17 stale") for name, labels, _ in _process())


def _signals(fault: Fault) -> Iterator[tuple[str, str, str]]:
    for signal in (*fault.signals, *fault.context):
        yield metrics.SIGNAL_VALUE.name, f'{_RANK}, signal="{signal}", {_SIDECAR}', "2.5x10 80x40"
        yield metrics.SIGNAL_MEAN.name, f'{_RANK}, signal="{signal}", {_SIDECAR}', "2.5x50"
    for signal in fault.signals if fault.has_layers else ():
        for layer, value in (("fc1", 3), ("fc2", 70)):
            yield metrics.SIGNAL_VALUE.name, f'{_RANK}, signal="{signal}", layer="{layer}", {_SIDECAR}', f"{value}x50"


def _process() -> Iterator[tuple[str, str, str]]:
    yield metrics.RUN_STEP.name, f"{_RANK}, {_SIDECAR}", "4000+10x10 4117x40"
    yield metrics.RUN_LAST_STEP_TIMESTAMP.name, f"{_RANK}, {_SIDECAR}", "0+15x3 60x48"
    process = 'status="running", world_size="8", host="gpu-1", pid="4242"'
    yield metrics.RUN_INFO.name, f"{_RANK}, {process}, {_SIDECAR}", "1x51"


def _series(name: str, labels: str, values: str) -> str:
    return f"      - series: {json.dumps(f'{name}{{{labels}}}')}\n        values: '{values}'"


def _known(fault: Fault, age: str) -> str:
    """Return what the description says of what the metrics hold; the newest step was made so long ago."""
    words = [", since step 4117 (75% sure)."]
    words += [f"Newest {signal}: 80 (mean before it: 2.5)." for signal in (*fault.signals, *fault.context)]
    if fault.has_layers:
        words += [f"Largest {signal} of a layer: 70 (fc2)." for signal in fault.signals]
    if not fault.signals:
        words += [f"Its newest step is 4117, {age} ago.", "It runs on host gpu-1 as process 4242."]
    return " ".join(words)


def _known_when_lost(fault: Fault) -> str:
    words = [", since step 4117 (75% sure)."]
    if not fault.signals:
        words += ["Its newest step is 4117, 5m 0s ago.", "It runs on host gpu-1 as process 4242."]
    return " ".join(words)


def _told(fault: Fault, known: str, step: str = "", opened: str = "", confidence: str = "") -> str:
    description = f"{fault.summary} Rank 3 of run llama{known} First: {fault.first_action}"
    return _TOLD.format(
        fault=fault.name,
        category=fault.category,
        severity=fault.severity,
        summary=json.dumps(fault.summary),
        description=json.dumps(description),
        action=json.dumps(fault.first_action),
        step=step,
        opened=opened,
        confidence=confidence,
        dashboard=_filled_in(dashboard_link(fault)),
        runbook=runbook_url(alert_name(fault.name)),
    )


def _filled_in(link: str) -> str:
    for label, value in (("run", "llama"), ("rank", "3")):
        link = link.replace(f"{{{{ $labels.{label} | urlquery }}}}", value)
    return link

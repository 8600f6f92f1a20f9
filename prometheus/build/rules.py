"""The alert rule of a fault."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from prometheus.build.evidence import SINCE, SURE, sentences
from prometheus.build.heard import heard
from prometheus.build.waits import wait_of
from runvitals.catalogue import metrics
from runvitals.catalogue.alerts import alert_name, dashboard_url, runbook_url
from runvitals.catalogue.faults import Fault

_HEAD = """\
# Alert rules of the faults that a sidecar sees, written by `python -m prometheus.build` from the catalogue.
#
# Thresholds, warm-up and hysteresis are in the sidecar's diagnosis: a fault alert only asks whether a finding is open,
# so no number stands twice. The severity is the metric's: an override in the sidecar's config travels to the routes.
#
# `for` is left out where the diagnosis has waited already (k of n steps, a minimum silence): waiting twice only delays.
#
# A recovery is a 0, and it resolves the alert at the next evaluation. A series that is lost is no recovery: a single
# failed scrape, a restart of the sidecar, a pod that is deleted right after its crash. So the rules ask for the last
# value of five minutes, which outlast RunvitalsTargetDown's `for`: whoever reads "resolved" because the sidecar is gone
# has been told first that it is gone. `keep_firing_for` would do that too, and delay every all-clear by as much.
#
# Annotations: `summary` and `action` are the catalogue's sentences. `step`, `opened` and `confidence` are for the
# message templates of Alertmanager and are empty where the metrics hold no answer; each `query` stands in a `with`, so
# an empty answer leaves its words out instead of breaking the annotation. Since when, how sure and where
# are known for as long as the alert stands, by the last values of five minutes too. %q quotes hostile names for PromQL.

groups:
  - name: runvitals-faults
    rules:
"""

_RULE = """\
      - alert: {alert}
{without}        expr: {expr}
{waiting}        annotations:
          summary: {summary}
          description: >-
            {{{{- $rank := printf "run=%q, rank=%q" $labels.run $labels.rank }}}}
            {{{{- $finding := printf "%s, fault=%q, category=%q" $rank $labels.fault $labels.category -}}}}
            {text} Rank {{{{ $labels.rank }}}} of run {{{{ $labels.run }}}}
{evidence}
            First: {action}
          action: {quoted_action}
          step: {step}
          opened: {opened}
          confidence: {confidence}
          dashboard_url: {dashboard}
          runbook_url: {runbook}
"""


def expression(fault: Fault) -> str:
    """Return what the fault's alert asks: whether a finding is open, by the last that was heard of it."""
    active = heard(f'{metrics.FAULT_ACTIVE.name}{{fault="{fault.name}"}}')
    return f"max by ({', '.join(metrics.FAULT)}) ({active}) == 1"


def dashboard_link(fault: Fault) -> str:
    """Return the template of the link to the dashboard of a fault's alert, whatever run and rank hold."""
    return dashboard_url(fault.name, "{{ $labels.run | urlquery }}", "{{ $labels.rank | urlquery }}")


def rules_file(of_rank: Iterable[Fault]) -> str:
    """Return the text of the file that holds a rule for each of these faults."""
    return _HEAD + "\n".join(_rule(fault) for fault in of_rank)


def _rule(fault: Fault) -> str:
    wait = wait_of(fault)
    reason = textwrap.fill(wait.reason, 120, initial_indent=" " * 8 + "# ", subsequent_indent=" " * 8 + "# ") + "\n"
    return _RULE.format(
        alert=alert_name(fault.name),
        without="" if wait.duration else reason,
        waiting=f"{reason}        for: {wait.duration}\n" if wait.duration else "",
        expr=expression(fault),
        summary=json.dumps(fault.summary),
        text=fault.summary,
        evidence=textwrap.indent("\n".join([SINCE, SURE, *sentences(fault)]), " " * 12),
        action=fault.first_action,
        quoted_action=json.dumps(fault.first_action),
        step=json.dumps(_newest("max", metrics.FAULT_OPENED_STEP.name, 'printf "%.0f"')),
        opened=json.dumps(_newest("min", metrics.FAULT_OPENED_TIMESTAMP.name, "humanizeTimestamp")),
        confidence=json.dumps(_newest("max", metrics.FAULT_CONFIDENCE.name, "humanizePercentage")),
        dashboard=dashboard_link(fault),
        runbook=runbook_url(alert_name(fault.name)),
    )


def _newest(operation: str, metric: str, form: str) -> str:
    names = ("run", "rank", "fault", "category")
    selector = f"{metric}{{{', '.join(f'{name}=%q' for name in names)}}}"
    labels = " ".join(f"$labels.{name}" for name in names)
    query = f'query (printf "{operation}({heard(selector)})" {labels})'
    return f"{{{{ with {query} }}}}{{{{ first . | value | {form} }}}}{{{{ end }}}}"

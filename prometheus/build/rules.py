"""The alert rule of a fault."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from prometheus.build.evidence import SINCE, SURE, sentences
from prometheus.build.waits import wait_of
from runvitals.catalogue import metrics
from runvitals.catalogue.faults import Fault
from runvitals.catalogue.runbooks import alert_name, runbook_url

_HEAD = """\
# Alert rules of the faults that a sidecar sees, written by `python -m prometheus.build` from the catalogue.
#
# Thresholds, warm-up and hysteresis are in the sidecar's diagnosis: a fault alert only asks whether a finding is open,
# so no number stands twice. The severity is the metric's: an override in the sidecar's config travels to the routes.
#
# `for` is left out where the diagnosis has waited already (k of n steps, a minimum silence): waiting twice only delays.
# `keep_firing_for: 5m` on each fault: a single failed scrape, a restart of the sidecar, or a pod that is deleted right
# after its crash ends the series, and none of that is a recovery. Five minutes outlast RunvitalsTargetDown's `for`, so
# whoever reads "resolved" because the sidecar is gone has been told first that it is gone.
#
# Annotations: `summary` and `action` are the catalogue's sentences. `step`, `opened` and `confidence` are for the
# message templates of Alertmanager and are empty where the metrics hold no answer; each `query` stands in a `with`, so
# an empty answer leaves its words out instead of breaking the annotation. %q quotes hostile names for PromQL.

groups:
  - name: runvitals-faults
    rules:
"""

_RULE = """\
      - alert: {alert}
{without}        expr: max by ({labels}) ({active}{{fault="{fault}"}}) == 1
{waiting}        keep_firing_for: 5m  # a lost series is not a recovery: see above
        annotations:
          summary: {summary}
          description: >-
            {{{{- $rank := printf "run=%q, rank=%q" $labels.run $labels.rank }}}}
            {{{{- $finding := printf "%s, fault=%q" $rank $labels.fault -}}}}
            {text} Rank {{{{ $labels.rank }}}} of run {{{{ $labels.run }}}}
{evidence}
            First: {action}
          action: {quoted_action}
          step: {step}
          opened: {opened}
          confidence: {confidence}
          runbook_url: {runbook}
"""


def rules_file(of_rank: Iterable[Fault]) -> str:
    """Return the text of the file that holds a rule for each of these faults."""
    return _HEAD + "\n".join(_rule(fault) for fault in of_rank)


def _rule(fault: Fault) -> str:
    wait = wait_of(fault)
    reason = textwrap.fill(wait.reason, 120, initial_indent=" " * 8 + "# ", subsequent_indent=" " * 8 + "# ") + "\n"
    return _RULE.format(
        alert=alert_name(fault),
        without="" if wait.duration else reason,
        waiting=f"{reason}        for: {wait.duration}\n" if wait.duration else "",
        labels=", ".join(metrics.FAULT),
        active=metrics.FAULT_ACTIVE.name,
        fault=fault.name,
        summary=json.dumps(fault.summary),
        text=fault.summary,
        evidence=textwrap.indent("\n".join([SINCE, SURE, *sentences(fault)]), " " * 12),
        action=fault.first_action,
        quoted_action=json.dumps(fault.first_action),
        step=json.dumps(_newest("max", metrics.FAULT_OPENED_STEP.name, 'printf "%.0f"')),
        opened=json.dumps(_newest("min", metrics.FAULT_OPENED_TIMESTAMP.name, "humanizeTimestamp")),
        confidence=json.dumps(_newest("max", metrics.FAULT_CONFIDENCE.name, "humanizePercentage")),
        runbook=runbook_url(fault),
    )


def _newest(operation: str, metric: str, form: str) -> str:
    matchers = "run=%q, rank=%q, fault=%q"
    names = "$labels.run $labels.rank $labels.fault"
    query = f'query (printf "{operation}({metric}{{{matchers}}})" {names})'
    return f"{{{{ with {query} }}}}{{{{ first . | value | {form} }}}}{{{{ end }}}}"

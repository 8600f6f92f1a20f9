"""What an alert shows of its fault: sentences over the newest values, each left out where the metrics hold no answer.

The text is that of Go templates. `$rank` holds the matchers of the rank, `$finding` those of its finding, with names
quoted by %q, since they may hold anything.
"""

from __future__ import annotations

from prometheus.build.heard import heard, newest
from runvitals.catalogue import metrics
from runvitals.catalogue.faults import Fault

NUMBER = '{{ first . | value | printf "%.4g" }}'

_STEP = newest(metrics.RUN_STEP.name + "{%s}")
_LAST_STEP = newest(metrics.RUN_LAST_STEP_TIMESTAMP.name + "{%s}")
_INFO = newest(metrics.RUN_INFO.name + "{%s}")

SINCE = (
    f'{{{{- with query (printf "max({heard(metrics.FAULT_OPENED_STEP.name + "{%s}")})" $finding) }}}}, '
    'since step {{ first . | value | printf "%.0f" }}{{ end }}'
)
SURE = (
    f'{{{{- with query (printf "max({heard(metrics.FAULT_CONFIDENCE.name + "{%s}")})" $finding) }}}} '
    "({{ first . | value | humanizePercentage }} sure){{ end }}."
)
PROCESS = (
    f'{{{{- with query (printf "max({_STEP})" $rank $rank) }}}} Its newest step is '
    '{{ first . | value | printf "%.0f" }}{{ with query '
    f'(printf "time() - max({_LAST_STEP})" $rank $rank) }}}}, '
    "{{ first . | value | humanizeDuration }} ago{{ end }}.{{ end }}",
    f'{{{{- with query (printf "{_INFO}" $rank $rank) }}}} '
    'It runs on host {{ first . | label "host" }} as process {{ first . | label "pid" }}.{{ end }}',
)


def sentences(fault: Fault) -> list[str]:
    """Return the sentences of a fault, one a line of the rule: those of its signals, else those of its process."""
    if not fault.signals:
        return list(PROCESS)
    shown = [_newest(signal) for signal in (*fault.signals, *fault.context)]
    return shown + [_of_layers(signal) for signal in fault.signals if fault.has_layers]


def _newest(signal: str) -> str:
    value = _query(metrics.SIGNAL_VALUE.name, signal, '=\\"\\"')
    mean = _query(metrics.SIGNAL_MEAN.name, signal, '=\\"\\"')
    before = f"{{{{ with {mean} }}}} (mean before it: {NUMBER}){{{{ end }}}}"
    return f"{{{{- with {value} }}}} Newest {signal}: {NUMBER}{before}.{{{{ end }}}}"


def _of_layers(signal: str) -> str:
    largest = _query(f"topk(1, {metrics.SIGNAL_VALUE.name}", signal, '!=\\"\\"', ")")
    layer = '{{ first . | label "layer" }}'
    return f"{{{{- with {largest} }}}} Largest {signal} of a layer: {NUMBER} ({layer}).{{{{ end }}}}"


def _query(metric: str, signal: str, layer: str, end: str = "") -> str:
    return f'query (printf "{metric}{{%s, signal=\\"{signal}\\", layer{layer}}}{end}" $rank)'

"""One rank and its process: every fault by its category with the signals that it is found in."""

from __future__ import annotations

from typing import get_args

from grafana.build import incidents, palette, variables
from grafana.build.dashboard import annotation
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, NUMBER, TALL, Line, Row, graphs
from grafana.build.links import Boards
from grafana.build.panels import MERGED, Json, columns, override, query, stat, table, timeseries
from grafana.build.queries import RANK, largest, select
from grafana.build.signal_panels import of_rank, together
from runvitals.catalogue import faults, metrics, signals
from runvitals.catalogue.faults import Category

_TOP = 20
"""Signals and layers in a table of all of them."""

_STATES = {"ok": palette.GREEN, "firing": palette.VERMILION, "unknown": palette.GREY}

_OF_CATEGORY: dict[str, list[Json]] = {
    "data": [
        together("Input: mean and standard deviation", [signals.INPUT_MEAN, signals.INPUT_STDDEV], RANK),
        together(
            "Input that is damaged",
            [signals.INPUT_NONFINITE_RATIO, signals.INPUT_MISSING_RATIO, signals.INPUT_CONSTANT_RATIO],
            RANK,
        ),
        of_rank(signals.BATCH_FINGERPRINT, RANK),
        of_rank(signals.EPOCH, RANK),
    ],
    "parameters": [
        together("Loss", [signals.LOSS, signals.EVAL_LOSS], RANK),
        of_rank(signals.GRAD_NORM, RANK),
        of_rank(signals.UPDATE_RATIO, RANK, layers=True),
        of_rank(signals.PARAMETER_NORM, RANK, layers=True),
        together(
            "Steps left out",
            [signals.SKIPPED_STEPS, signals.RECENTLY_SKIPPED_STEPS, signals.RECENT_NONFINITE_STEPS],
            RANK,
        ),
        of_rank(signals.PARAMETER_CHECKSUM, RANK),
    ],
    "structure": [
        of_rank(signals.DEAD_UNITS_RATIO, RANK, layers=True),
        of_rank(signals.SATURATED_ACTIVATIONS_RATIO, RANK, layers=True),
        of_rank(signals.ZERO_GRADIENT_RATIO, RANK, layers=True),
        of_rank(signals.OUTPUT_STDDEV, RANK),
        of_rank(signals.ACTIVATION_MEAN, RANK, layers=True),
        of_rank(signals.ACTIVATION_STDDEV, RANK, layers=True),
    ],
    "infrastructure": [
        together("Memory of the process", [signals.MEMORY_RSS, signals.MEMORY_USS, signals.MEMORY_LIMIT], RANK),
        of_rank(signals.MEMORY_UTILIZATION, RANK),
        of_rank(signals.CPU_UTILIZATION, RANK),
        together(
            "Threads, children and descriptors",
            [signals.THREADS, signals.CHILD_PROCESSES, signals.OPEN_FILE_DESCRIPTORS],
            RANK,
        ),
        together("Disk", [signals.DISK_READ, signals.DISK_WRITE], RANK),
        together("Network", [signals.NETWORK_RECEIVE, signals.NETWORK_TRANSMIT], RANK),
        together("Accelerator memory by the trainer's count", [signals.ACCELERATOR_MEMORY, signals.PEAK_MEMORY], RANK),
        of_rank(signals.PEAK_MEMORY_UTILIZATION, RANK),
    ],
}


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [variables.datasource(), variables.cluster(), variables.job(), variables.any_run(), variables.rank()]
    rows = [
        Row("Now", [Line(NUMBER, _numbers()), Line(GRAPH, [_verdicts(), _process()])]),
        *(Row(f"Faults of {category}", _of_category(category)) for category in get_args(Category)),
        Row("Every signal", [Line(TALL, [_signals()]), *graphs(_statistics())]),
    ]
    expr = f"max by (fault, category, severity) ({select(metrics.FAULT_ACTIVE, RANK)}) > 0"
    marks = annotation("Incidents", expr, "{{fault}}", "{{severity}}: open on this rank")
    return around(Boards.RANK, "One rank of a run, or one replica of a server, and its process.", chosen, rows, [marks])


def _of_category(category: str) -> list[Line]:
    words = ", ".join(fault.name for fault in faults.ALL if fault.category == category and fault.scope == "rank")
    timeline = incidents.timeline(
        f"Faults of {category} over time",
        f"What has been open on this rank in this time, by severity; of: {words}. No line: not open once in this time.",
        incidents.worst_severity(metrics.FAULT_ACTIVE.name, "fault", RANK, f'category="{category}"'),
        ["fault"],
        "closed",
        Boards.RANK,
    )
    return [Line(GRAPH, [timeline]), *graphs(_OF_CATEGORY[category])]


def _numbers() -> list[Json]:
    age = f"time() - max({select(metrics.RUN_LAST_STEP_TIMESTAMP, RANK)})"
    started = f"1000 * max({select(metrics.RUN_START_TIMESTAMP, RANK)})"
    opened = f"count(max_over_time({select(metrics.FAULT_ACTIVE, RANK)}[$__range]) > 0)"
    confidence = f"max({select(metrics.FAULT_CONFIDENCE, RANK)})"
    step = f"min({select(metrics.FAULT_OPENED_STEP, RANK)})"
    return [
        stat("Step", "Newest step.", [query(f"max({select(metrics.RUN_STEP, RANK)})")], "none"),
        stat("Last step ago", "Time since the newest step.", [query(age)], "s"),
        stat("Last start", "When the rank last started.", [query(started)], "dateTimeFromNow"),
        stat("Faults in this time", "That were open at some time.", [query(opened)], "none", otherwise="none"),
        stat("Confidence", "In the surest open finding.", [query(confidence)], "percentunit", otherwise="none open"),
        stat("Opened at step", "Of the first open finding.", [query(step)], "none", otherwise="none open"),
    ]


def _verdicts() -> Json:
    panel = timeseries(
        "Verdicts on the faults of the catalogue",
        "How many are ok, firing and unknown. Unknown is not healthy: a signal is missing, or too few values.",
        [query(f"max by (state) ({_faults(state)})", state) for state in _STATES],
        "none",
    )
    panel["fieldConfig"]["overrides"] = [
        override(state, color={"mode": "fixed", "fixedColor": colour}) for state, colour in _STATES.items()
    ]
    return panel


def _faults(state: str) -> str:
    return select(metrics.FAULTS, RANK, f'state="{state}"')


def _process() -> Json:
    names = {"host": "Host", "pid": "Process", "status": "State", "world_size": "Ranks of the run", "rank": "Rank"}
    return table(
        "Where it runs",
        "Host and process of this rank, and how it stands: running, finished, raised, crashed or unknown.",
        [query(f"max by ({', '.join(names)}) ({select(metrics.RUN_INFO, RANK)})", instant=True)],
        "none",
        transformations=[columns(names)],
    )


_COLUMNS = {
    "signal": "Signal",
    "layer": "Layer",
    "Value #A": "Value",
    "Value #B": "Mean",
    "Value #C": "Standard deviation",
    "Value #D": "Z-score",
    "Value #E": "Robust z-score",
    "Value #F": "Anomaly score",
    "Value #G": "Values in the window",
    "Value #H": "Newest value ago",
}
_SHOWN = (
    metrics.SIGNAL_VALUE,
    metrics.SIGNAL_MEAN,
    metrics.SIGNAL_STDDEV,
    metrics.SIGNAL_ZSCORE,
    metrics.SIGNAL_ROBUST_ZSCORE,
    metrics.SIGNAL_ANOMALY_SCORE,
    metrics.SIGNAL_WINDOW_SAMPLES,
)


def _signals() -> Json:
    asked = [f"max by (signal, layer) ({select(metric, RANK)})" for metric in _SHOWN]
    asked.append(f"time() - max by (signal, layer) ({select(metrics.SIGNAL_LAST_SAMPLE_TIMESTAMP, RANK)})")
    return table(
        "Every signal of this rank",
        "Newest value, what is usual, and how unusual it is. A signal that has never been seen has no line.",
        [query(expr, instant=True) for expr in asked],
        "short",
        transformations=[MERGED, columns(_COLUMNS)],
        overrides=[override("Newest value ago", unit="s")],
        sort_by="Anomaly score",
    )


def _statistics() -> list[Json]:
    peaks = {"anomaly score": metrics.SIGNAL_ANOMALY_SCORE_PEAK, "z-score": metrics.SIGNAL_ZSCORE_PEAK}
    return [
        *(
            timeseries(
                f"Largest {name} of the last minute",
                "Of the signals and layers where it is largest: what was short is seen here however seldom one looks.",
                [query(largest(_TOP, f"max by (signal, layer) ({select(metric, RANK)})"), "{{signal}} {{layer}}")],
                "none",
            )
            for name, metric in peaks.items()
        ),
        _counted("Values seen", "Values of each signal per second.", metrics.SIGNAL_SAMPLES, "cps"),
        timeseries(
            "Values that are not finite, or late",
            "Per second. Late: the step was older than the newest; such a value is counted, not scored.",
            [
                query(_rate(metrics.SIGNAL_NONFINITE), "not finite: {{signal}} {{layer}}"),
                query(_rate(metrics.SIGNAL_LATE), "late: {{signal}} {{layer}}"),
            ],
            "cps",
        ),
    ]


def _counted(title: str, description: str, metric: metrics.Metric, unit: str) -> Json:
    return timeseries(title, description, [query(_rate(metric), "{{signal}} {{layer}}")], unit)


def _rate(metric: metrics.Metric) -> str:
    return largest(_TOP, f"sum by (signal, layer) (rate({select(metric, RANK)}[$__rate_interval]))")

"""One model server: what its clients feel first, then its load, its cache and its replicas."""

from __future__ import annotations

from grafana.build import incidents, palette, variables
from grafana.build.dashboard import annotation
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, Line, Row, graphs
from grafana.build.links import Boards
from grafana.build.panels import Json, query, state_timeline
from grafana.build.queries import LAYERS, RANKS, RUN, of_signal, select, smallest
from grafana.build.signal_panels import sentence_of, to_rank, together
from runvitals.catalogue import signals

_RUN = 'run="$run"'


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [
        variables.datasource(),
        variables.cluster(),
        variables.job(),
        variables.run(signals.SERVER_UP),
        variables.ranks(),
    ]
    rows = [
        Row("What is wrong", [Line(GRAPH, [_up(), _timeline()]), Line(GRAPH, [incidents.table_of_open(RUN, _RUN)])]),
        Row("What clients feel", graphs(_latencies())),
        Row("Load", graphs(_load())),
        Row("Cache and batch", graphs(_room())),
    ]
    expr = f"max by (fault, category, severity) ({select(incidents.OPEN, _RUN)}) > 0"
    marks = annotation("Incidents", expr, "{{fault}}", "{{severity}}: open on at least one replica")
    description = "One model server and its replicas; of many replicas each graph shows the worst."
    return around(Boards.SERVER, description, chosen, rows, [marks])


def _up() -> Json:
    series = of_signal(signals.SERVER_UP, RANKS)
    return state_timeline(
        "Replicas that answer",
        f"{sentence_of(signals.SERVER_UP)} A gap: nobody asked. Of many replicas, those that are down.",
        [query(smallest(16, f"min by (rank) ({series})"), "{{rank}}")],
        palette.up_and_down(),
        [to_rank()],
    )


def _timeline() -> Json:
    return incidents.timeline(
        "Faults over time",
        "Each fault that was open in this time on any replica, by its severity.",
        incidents.worst_severity(incidents.OPEN, "fault", _RUN),
        ["fault"],
        "closed",
        Boards.RANK,
    )


def _latencies() -> list[Json]:
    kinds = {
        "Time to the first token": (
            signals.TIME_TO_FIRST_TOKEN,
            signals.TIME_TO_FIRST_TOKEN_P50,
            signals.TIME_TO_FIRST_TOKEN_P99,
        ),
        "Time of each further token": (
            signals.TIME_PER_OUTPUT_TOKEN,
            signals.TIME_PER_OUTPUT_TOKEN_P50,
            signals.TIME_PER_OUTPUT_TOKEN_P99,
        ),
        "Time of a request": (signals.REQUEST, signals.REQUEST_P50, signals.REQUEST_P99),
        "Time in the queue": (signals.QUEUE, signals.QUEUE_P50, signals.QUEUE_P99),
        "Time of prefill": (signals.PREFILL, signals.PREFILL_P50, signals.PREFILL_P99),
        "Time of decoding": (signals.DECODE, signals.DECODE_P50, signals.DECODE_P99),
    }
    return [together(title, shown, RANKS, by="rank") for title, shown in kinds.items()]


def _load() -> list[Json]:
    return [
        together("Requests that fail", [signals.ERROR_RATIO], RANKS, by="rank"),
        together(
            "Requests per second",
            [signals.REQUESTS_PER_SECOND, signals.FAILED_REQUESTS_PER_SECOND, signals.ABORTED_REQUESTS_PER_SECOND],
            RANKS,
            by="rank",
        ),
        together("Requests waiting", [signals.REQUESTS_WAITING], RANKS, by="rank"),
        together("Requests running", [signals.REQUESTS_RUNNING], RANKS, by="rank"),
        together("Tokens given out per second", [signals.OUTPUT_TOKENS_PER_SECOND], RANKS, by="rank"),
        together("Tokens of prompts per second", [signals.PROMPT_TOKENS_PER_SECOND], RANKS, by="rank"),
    ]


def _room() -> list[Json]:
    return [
        together("Cache of keys and values in use", [signals.KV_CACHE_UTILIZATION], RANKS, by="rank"),
        together("Batch in use", [signals.BATCH_UTILIZATION], RANKS, by="rank"),
        together("Prompt tokens found in the prefix cache", [signals.PREFIX_CACHE_HIT_RATIO], RANKS, by="rank"),
        together("Requests put back per second", [signals.PREEMPTIONS_PER_SECOND], RANKS, by="rank"),
        together("Replicas that pass their health check", [signals.REPLICAS_HEALTHY], RANKS, by="rank"),
        together("GPU memory in use", [signals.GPU_MEMORY_UTILIZATION], RANKS, by="rank, layer", layer=LAYERS),
    ]

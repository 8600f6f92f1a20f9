"""trtllm-serve, at `/prometheus/metrics`: https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve.html.

The names are those of its documentation; they have not been seen on a running server.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import FIRST_TOKEN, OUTPUT_TOKEN, QUEUE, REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Rate
from runvitals.sources.prometheus.term import Term

TRTLLM = Engine(
    name="trtllm",
    marks=r"trtllm[:_]",
    prefixes=("trtllm_", "trtllm:"),
    readings=(
        Distribution(REQUEST, Term("e2e_request_latency_seconds")),
        Distribution(FIRST_TOKEN, Term("time_to_first_token_seconds")),
        Distribution(OUTPUT_TOKEN, Term("time_per_output_token_seconds")),
        Distribution(QUEUE, Term("request_queue_time_seconds")),
        Level(signals.REQUESTS_RUNNING, (Term("num_requests_running"),)),
        Level(signals.REQUESTS_WAITING, (Term("num_requests_waiting"),)),
        Rate(signals.REQUESTS_PER_SECOND, (Term("request_success"),)),
        Level(signals.KV_CACHE_UTILIZATION, (Term("kv_cache_utilization"),), "max"),
        Level(signals.PREFIX_CACHE_HIT_RATIO, (Term("kv_cache_hit_rate"),), "mean"),
    ),
    model_labels=("model_name",),
    path="/prometheus/metrics",
)

"""vLLM: https://docs.vllm.ai/en/latest/design/metrics.html; names of V1 first, those of V0 after.

Its counters of requests do not tell failures, so these come from the HTTP layer where it is on the page.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import (
    DECODE,
    FIRST_TOKEN,
    OUTPUT_TOKEN,
    PREFILL,
    QUEUE,
    REQUEST,
    Distribution,
)
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate, Reading
from runvitals.sources.prometheus.term import Term

_POSTED = Term("http_requests", {"method": "POST"}, zero_beside="http_requests")
_BROKEN = Term("http_requests", {"method": "POST", "status": "5.."}, zero_beside="http_requests")
_ENDED = Term("request_success")
_ERRORS = Term("request_success", {"finished_reason": "error"})

READINGS: tuple[Reading, ...] = (
    Distribution(REQUEST, Term("e2e_request_latency_seconds")),
    Distribution(FIRST_TOKEN, Term("time_to_first_token_seconds")),
    Distribution(OUTPUT_TOKEN, Term("inter_token_latency_seconds")),
    Distribution(OUTPUT_TOKEN, Term("time_per_output_token_seconds")),
    Distribution(OUTPUT_TOKEN, Term("request_time_per_output_token_seconds")),
    Distribution(QUEUE, Term("request_queue_time_seconds")),
    Distribution(PREFILL, Term("request_prefill_time_seconds")),
    Distribution(DECODE, Term("request_decode_time_seconds")),
    Level(signals.REQUESTS_RUNNING, (Term("num_requests_running"),)),
    Level(signals.REQUESTS_WAITING, (Term("num_requests_waiting"),)),
    Rate(signals.REQUESTS_PER_SECOND, (_ENDED,)),
    Rate(signals.ABORTED_REQUESTS_PER_SECOND, (Term("request_success", {"finished_reason": "abort"}),)),
    Rate(signals.FAILED_REQUESTS_PER_SECOND, (_BROKEN,)),
    Rate(signals.FAILED_REQUESTS_PER_SECOND, (_ERRORS,)),
    Quotient(signals.ERROR_RATIO, (_BROKEN,), (_POSTED,)),
    Quotient(signals.ERROR_RATIO, (_ERRORS,), (_ENDED,)),
    Level(signals.KV_CACHE_UTILIZATION, (Term("kv_cache_usage_perc"),), "max"),
    Level(signals.KV_CACHE_UTILIZATION, (Term("gpu_cache_usage_perc"),), "max"),
    Quotient(signals.PREFIX_CACHE_HIT_RATIO, (Term("prefix_cache_hits"),), (Term("prefix_cache_queries"),)),
    Quotient(signals.PREFIX_CACHE_HIT_RATIO, (Term("gpu_prefix_cache_hits"),), (Term("gpu_prefix_cache_queries"),)),
    Level(signals.PREFIX_CACHE_HIT_RATIO, (Term("gpu_prefix_cache_hit_rate"),), "mean"),
    Rate(signals.PREEMPTIONS_PER_SECOND, (Term("num_preemptions"),)),
    Rate(signals.PROMPT_TOKENS_PER_SECOND, (Term("prompt_tokens"),)),
    Rate(signals.OUTPUT_TOKENS_PER_SECOND, (Term("generation_tokens"),)),
)

VLLM = Engine(
    name="vllm",
    marks=r"(ray_|kserve_)?vllm[:_]",
    prefixes=("vllm:", "vllm_", "ray_vllm:", "ray_vllm_", "kserve_vllm:", "kserve_vllm_"),
    readings=READINGS,
    model_labels=("model_name",),
    unprefixed=frozenset({"http_requests"}),
)

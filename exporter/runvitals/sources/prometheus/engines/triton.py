"""Triton Inference Server, with the metrics of its TensorRT-LLM backend.

https://github.com/triton-inference-server/server/blob/main/docs/user_guide/metrics.md; all durations in microseconds.
Means come from counters; quantiles are there only where the server is told to publish summaries.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import FIRST_TOKEN, QUEUE, REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate, Share
from runvitals.sources.prometheus.term import Term

_ANSWERED = Term("inference_request_success")
_FAILED = Term("inference_request_failure")
_BACKEND = "trt_llm_request_metrics"
_BLOCKS = "trt_llm_kv_cache_block_metrics"

TRITON = Engine(
    name="triton",
    marks=r"nv_(inference|trt_llm|gpu|cpu|energy|cache|model)_",
    prefixes=("nv_",),
    readings=(
        Distribution(REQUEST, Term("inference_request_summary_us", factor=1e-6)),
        Quotient(signals.REQUEST, (Term("inference_request_duration_us", factor=1e-6),), (_ANSWERED,)),
        Distribution(FIRST_TOKEN, Term("inference_first_response_histogram_ms", factor=1e-3)),
        Distribution(QUEUE, Term("inference_queue_summary_us", factor=1e-6)),
        Quotient(signals.QUEUE, (Term("inference_queue_duration_us", factor=1e-6),), (_ANSWERED,)),
        Level(signals.REQUESTS_RUNNING, (Term(_BACKEND, {"request_type": "scheduled"}),)),
        Level(signals.REQUESTS_WAITING, (Term(_BACKEND, {"request_type": "waiting"}),)),
        Level(signals.REQUESTS_WAITING, (Term("inference_pending_request_count"),)),
        Share(
            signals.BATCH_UTILIZATION,
            (Term(_BACKEND, {"request_type": "scheduled"}),),
            (Term(_BACKEND, {"request_type": "max"}),),
        ),
        Rate(signals.REQUESTS_PER_SECOND, (_ANSWERED, _FAILED)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_FAILED,)),
        Quotient(signals.ERROR_RATIO, (_FAILED,), (_ANSWERED, _FAILED)),
        Level(signals.KV_CACHE_UTILIZATION, (Term(_BLOCKS, {"kv_cache_block_type": "fraction"}),), "max"),
        Share(
            signals.KV_CACHE_UTILIZATION,
            (Term(_BLOCKS, {"kv_cache_block_type": "used"}),),
            (Term(_BLOCKS, {"kv_cache_block_type": "max"}),),
        ),
        Level(signals.GPU_UTILIZATION, (Term("gpu_utilization"),)),
        Level(signals.GPU_MEMORY_USED, (Term("gpu_memory_used_bytes"),)),
        Share(signals.GPU_MEMORY_UTILIZATION, (Term("gpu_memory_used_bytes"),), (Term("gpu_memory_total_bytes"),)),
        Level(signals.GPU_POWER, (Term("gpu_power_usage"),)),
        Level(signals.GPU_POWER_LIMIT, (Term("gpu_power_limit"),)),
    ),
    model_labels=("model",),
    gpu_label="gpu_uuid",
)

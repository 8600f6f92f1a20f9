"""NVIDIA NIM for language models: vLLM's metrics without any prefix, and a few of its own.

https://docs.nvidia.com/nim/large-language-models/latest/observability.html
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.engines import vllm
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Quotient, Rate, Share
from runvitals.sources.prometheus.term import Term

_FAILED = Term("request_failure")

NIM = Engine(
    name="nim",
    marks=r"(num_request_max|gpu_cache_usage_perc|e2e_request_latency_seconds)(_|\Z)",
    prefixes=("",),
    readings=(
        Rate(signals.REQUESTS_PER_SECOND, (Term("request_finish"),)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_FAILED,)),
        Quotient(signals.ERROR_RATIO, (_FAILED,), (Term("request_success"), _FAILED)),
        Share(signals.BATCH_UTILIZATION, (Term("num_requests_running"),), (Term("num_request_max"),)),
        *vllm.READINGS,
    ),
    model_labels=("model_name",),
)

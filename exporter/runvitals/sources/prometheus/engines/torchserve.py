"""TorchServe: https://pytorch.org/serve/metrics.html; durations are counters in microseconds.

`Requests5XX` has no series before the first failure: it is 0 while `Requests2XX` is there.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate
from runvitals.sources.prometheus.term import Term

_ANSWERED = Term("ts_inference_requests")
_FAILED = Term("Requests5XX", zero_beside="Requests2XX")
_REFUSED = Term("Requests4XX", zero_beside="Requests2XX")

TORCHSERVE = Engine(
    name="torchserve",
    marks=r"ts_(inference|queue)_|Requests[245]XX\b|HandlerTime\b",
    prefixes=("",),
    readings=(
        Quotient(signals.REQUEST, (Term("ts_inference_latency_microseconds", factor=1e-6),), (_ANSWERED,)),
        Quotient(signals.QUEUE, (Term("ts_queue_latency_microseconds", factor=1e-6),), (_ANSWERED,)),
        Level(signals.QUEUE, (Term("QueueTime", factor=1e-3),), "max"),
        Rate(signals.REQUESTS_PER_SECOND, (_ANSWERED,)),
        Rate(signals.REQUESTS_PER_SECOND, (Term("Requests2XX"), _REFUSED, _FAILED)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_FAILED,)),
        Quotient(signals.ERROR_RATIO, (_FAILED,), (Term("Requests2XX"), _REFUSED, _FAILED)),
        Level(signals.GPU_UTILIZATION, (Term("GPUUtilization", factor=0.01),)),
        Level(signals.GPU_MEMORY_UTILIZATION, (Term("GPUMemoryUtilization", factor=0.01),)),
        Level(signals.GPU_MEMORY_USED, (Term("GPUMemoryUsed", factor=1024.0**2),)),
    ),
    model_labels=("model_name", "ModelName"),
    gpu_label="DeviceId",
)

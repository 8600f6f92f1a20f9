"""TensorFlow Serving, at `/monitoring/prometheus/metrics`: durations are histograms in microseconds.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/servables/tensorflow/util.cc
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import QUEUE, REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Quotient, Rate
from runvitals.sources.prometheus.term import Term

_ALL = Term("request_count")
_FAILED = Term("request_count", {"status": "(?!OK$).+"}, zero_beside="request_count")

TFSERVING = Engine(
    name="tfserving",
    marks=r":tensorflow:",
    prefixes=(":tensorflow:serving:",),
    readings=(
        Distribution(REQUEST, Term("request_latency", factor=1e-6)),
        Distribution(REQUEST, Term("runtime_latency", factor=1e-6)),
        Distribution(QUEUE, Term("batching_session:queuing_latency", factor=1e-6)),
        Rate(signals.REQUESTS_PER_SECOND, (_ALL,)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_FAILED,)),
        Quotient(signals.ERROR_RATIO, (_FAILED,), (_ALL,)),
    ),
    model_labels=("model_name",),
    path="/monitoring/prometheus/metrics",
)

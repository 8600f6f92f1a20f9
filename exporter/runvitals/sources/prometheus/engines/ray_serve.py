"""Ray Serve: https://docs.ray.io/en/latest/serve/monitoring.html; durations in milliseconds, refreshed every 10 s.

An application is a run. Its counters are typed as gauges by some versions.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate
from runvitals.sources.prometheus.term import Term

_HTTP = "http_request_latency_ms"
_ANSWERED = Term(_HTTP, part="count")
_BROKEN = Term(_HTTP, {"status_code": "5.."}, part="count", zero_beside=_HTTP)
_CALLS = Term("deployment_request_counter")
_ERRORS = Term("deployment_error_counter", zero_beside="deployment_request_counter")

RAY_SERVE = Engine(
    name="ray_serve",
    marks=r"(ray_)?serve_(deployment|replica|num|http|grpc|handle)_",
    prefixes=("ray_serve_", "serve_"),
    readings=(
        Distribution(REQUEST, Term(_HTTP, factor=1e-3)),
        Distribution(REQUEST, Term("deployment_processing_latency_ms", factor=1e-3)),
        Level(signals.REQUESTS_RUNNING, (Term("replica_processing_queries"),)),
        Level(signals.REQUESTS_WAITING, (Term("deployment_queued_queries"),)),
        Rate(signals.REQUESTS_PER_SECOND, (_ANSWERED,)),
        Rate(signals.REQUESTS_PER_SECOND, (_CALLS,)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_BROKEN,)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_ERRORS,)),
        Quotient(signals.ERROR_RATIO, (_BROKEN,), (_ANSWERED,)),
        Quotient(signals.ERROR_RATIO, (_ERRORS,), (_CALLS, _ERRORS)),
        Level(signals.REPLICAS_HEALTHY, (Term("deployment_replica_healthy"),)),
    ),
    model_labels=("application",),
    refresh_seconds=10.0,
)

"""KServe's Python model server: https://github.com/kserve/kserve/blob/master/python/kserve/kserve/metrics.py.

Its names are generic; it tells how long a prediction takes, and neither failures nor queues.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Rate
from runvitals.sources.prometheus.term import Term

KSERVE = Engine(
    name="kserve",
    marks=r"request_(preprocess|predict|postprocess|explain)_seconds",
    prefixes=("",),
    readings=(
        Distribution(REQUEST, Term("request_predict_seconds")),
        Rate(signals.REQUESTS_PER_SECOND, (Term("request_predict_seconds", part="count"),)),
    ),
    model_labels=("model_name",),
)

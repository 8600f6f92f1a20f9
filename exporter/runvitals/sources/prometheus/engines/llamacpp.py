"""llama.cpp's server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md; it names no model.

It publishes neither latency nor errors. `predicted_tokens_seconds` and its like are averages since the start, in tokens
per second: the counters tell the interval.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate
from runvitals.sources.prometheus.term import Term

LLAMACPP = Engine(
    name="llamacpp",
    marks=r"llamacpp[:_]",
    prefixes=("llamacpp:", "llamacpp_"),
    readings=(
        Quotient(signals.TIME_PER_OUTPUT_TOKEN, (Term("tokens_predicted_seconds"),), (Term("tokens_predicted"),)),
        Level(signals.REQUESTS_RUNNING, (Term("requests_processing"),)),
        Level(signals.REQUESTS_WAITING, (Term("requests_deferred"),)),
        Level(signals.KV_CACHE_UTILIZATION, (Term("kv_cache_usage_ratio"),), "max"),
        Rate(signals.PROMPT_TOKENS_PER_SECOND, (Term("prompt_tokens"),)),
        Rate(signals.OUTPUT_TOKENS_PER_SECOND, (Term("tokens_predicted"),)),
    ),
)

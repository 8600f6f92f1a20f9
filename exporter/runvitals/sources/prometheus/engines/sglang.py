"""SGLang: https://docs.sglang.ai/references/production_metrics.html; names of newer versions first.

Each rank of a group that shares one batch reports the same, so only the first is read.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import FIRST_TOKEN, OUTPUT_TOKEN, QUEUE, REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate
from runvitals.sources.prometheus.term import Term

SGLANG = Engine(
    name="sglang",
    marks=r"sglang[:_]",
    prefixes=("sglang:", "sglang_"),
    readings=(
        Distribution(REQUEST, Term("e2e_request_latency_seconds")),
        Distribution(FIRST_TOKEN, Term("time_to_first_token_seconds")),
        Distribution(OUTPUT_TOKEN, Term("inter_token_latency_seconds")),
        Distribution(OUTPUT_TOKEN, Term("time_per_output_token_seconds")),
        Distribution(QUEUE, Term("queue_time_seconds")),
        Level(signals.REQUESTS_RUNNING, (Term("num_running_reqs"),)),
        Level(signals.REQUESTS_RUNNING, (Term("num_requests_running"),)),
        Level(signals.REQUESTS_WAITING, (Term("num_queue_reqs"),)),
        Level(signals.REQUESTS_WAITING, (Term("queue_req"),)),
        Rate(signals.REQUESTS_PER_SECOND, (Term("num_requests"),)),
        Rate(signals.ABORTED_REQUESTS_PER_SECOND, (Term("num_aborted_requests"),)),
        Rate(
            signals.FAILED_REQUESTS_PER_SECOND,
            (Term("num_transfer_failed_reqs"), Term("num_bootstrap_failed_reqs")),
        ),
        Level(signals.KV_CACHE_UTILIZATION, (Term("token_usage"),), "max"),
        Quotient(signals.PREFIX_CACHE_HIT_RATIO, (Term("cached_tokens"),), (Term("prompt_tokens"),)),
        # The first version named the model in `name`, and its share was a percentage.
        Level(signals.PREFIX_CACHE_HIT_RATIO, (Term("cache_hit_rate", {"name": ".+"}, 0.01),), "mean"),
        Level(signals.PREFIX_CACHE_HIT_RATIO, (Term("cache_hit_rate"),), "mean"),
        Rate(signals.PREEMPTIONS_PER_SECOND, (Term("num_retracted_requests"),)),
        Rate(signals.PROMPT_TOKENS_PER_SECOND, (Term("prompt_tokens"),)),
        Rate(signals.OUTPUT_TOKENS_PER_SECOND, (Term("generation_tokens"),)),
        Level(signals.OUTPUT_TOKENS_PER_SECOND, (Term("gen_throughput"),)),
    ),
    model_labels=("model_name", "name"),
    only=(("tp_rank", ("", "0")), ("pp_rank", ("", "0"))),
)

"""Text Generation Inference: https://huggingface.co/docs/text-generation-inference/reference/metrics.

Its counter of failures is not on the page before the first; error signals are unknown until then.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.distribution import OUTPUT_TOKEN, QUEUE, REQUEST, Distribution
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reading import Level, Quotient, Rate
from runvitals.sources.prometheus.term import Term

_ANSWERED = Term("request_success")
_FAILED = Term("request_failure")

TGI = Engine(
    name="tgi",
    marks=r"tgi_",
    prefixes=("tgi_",),
    readings=(
        Distribution(REQUEST, Term("request_duration")),
        Distribution(OUTPUT_TOKEN, Term("request_mean_time_per_token_duration")),
        Distribution(QUEUE, Term("request_queue_duration")),
        Level(signals.REQUESTS_RUNNING, (Term("batch_current_size"),)),
        Level(signals.REQUESTS_WAITING, (Term("queue_size"),)),
        Rate(signals.REQUESTS_PER_SECOND, (_ANSWERED,)),
        Rate(signals.FAILED_REQUESTS_PER_SECOND, (_FAILED,)),
        Quotient(signals.ERROR_RATIO, (_FAILED,), (_ANSWERED, _FAILED)),
        Rate(signals.PROMPT_TOKENS_PER_SECOND, (Term("request_input_length", part="sum"),)),
        Rate(signals.OUTPUT_TOKENS_PER_SECOND, (Term("request_generated_tokens", part="sum"),)),
    ),
)

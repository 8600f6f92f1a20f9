"""What a model server reports of the requests it answers, in the interval since it was last asked."""

from __future__ import annotations

from runvitals.catalogue.signals.signal import Signal

REQUEST = Signal("request_seconds", "seconds", "time from a request to the end of its answer: mean", bad_side="high")
REQUEST_P50 = Signal(
    "request_p50_seconds", "seconds", "time from a request to the end of its answer: median", bad_side="high"
)
REQUEST_P99 = Signal(
    "request_p99_seconds", "seconds", "time from a request to the end of its answer: 99th percentile", bad_side="high"
)
TIME_TO_FIRST_TOKEN = Signal(
    "time_to_first_token_seconds",
    "seconds",
    "time from a request to the first token of its answer: mean",
    bad_side="high",
)
TIME_TO_FIRST_TOKEN_P50 = Signal(
    "time_to_first_token_p50_seconds",
    "seconds",
    "time from a request to the first token of its answer: median",
    bad_side="high",
)
TIME_TO_FIRST_TOKEN_P99 = Signal(
    "time_to_first_token_p99_seconds",
    "seconds",
    "time from a request to the first token of its answer: 99th percentile",
    bad_side="high",
)
TIME_PER_OUTPUT_TOKEN = Signal(
    "time_per_output_token_seconds", "seconds", "time between two tokens of an answer: mean", bad_side="high"
)
TIME_PER_OUTPUT_TOKEN_P50 = Signal(
    "time_per_output_token_p50_seconds", "seconds", "time between two tokens of an answer: median", bad_side="high"
)
TIME_PER_OUTPUT_TOKEN_P99 = Signal(
    "time_per_output_token_p99_seconds",
    "seconds",
    "time between two tokens of an answer: 99th percentile",
    bad_side="high",
)
QUEUE = Signal("queue_seconds", "seconds", "time a request waits before it is worked on: mean", bad_side="high")
QUEUE_P50 = Signal(
    "queue_p50_seconds", "seconds", "time a request waits before it is worked on: median", bad_side="high"
)
QUEUE_P99 = Signal(
    "queue_p99_seconds", "seconds", "time a request waits before it is worked on: 99th percentile", bad_side="high"
)
PREFILL = Signal("prefill_seconds", "seconds", "time to work through the prompt of a request: mean", bad_side="high")
PREFILL_P50 = Signal(
    "prefill_p50_seconds", "seconds", "time to work through the prompt of a request: median", bad_side="high"
)
PREFILL_P99 = Signal(
    "prefill_p99_seconds", "seconds", "time to work through the prompt of a request: 99th percentile", bad_side="high"
)
DECODE = Signal("decode_seconds", "seconds", "time to give out the tokens of an answer: mean", bad_side="high")
DECODE_P50 = Signal(
    "decode_p50_seconds", "seconds", "time to give out the tokens of an answer: median", bad_side="high"
)
DECODE_P99 = Signal(
    "decode_p99_seconds", "seconds", "time to give out the tokens of an answer: 99th percentile", bad_side="high"
)
REQUESTS_RUNNING = Signal("requests_running", "1", "requests that are being worked on")
REQUESTS_WAITING = Signal("requests_waiting", "1", "requests that wait", bad_side="high")
REQUESTS_PER_SECOND = Signal("requests_per_second", "requests per second", "requests answered")
FAILED_REQUESTS_PER_SECOND = Signal(
    "failed_requests_per_second", "requests per second", "requests that failed", bad_side="high"
)
ABORTED_REQUESTS_PER_SECOND = Signal(
    "aborted_requests_per_second", "requests per second", "requests given up before their end", bad_side="high"
)
ERROR_RATIO = Signal("error_ratio", "1", "share of the requests that failed, 0 to 1", bad_side="high")
KV_CACHE_UTILIZATION = Signal(
    "kv_cache_utilization_ratio", "1", "share of the cache of keys and values that is in use, 0 to 1", bad_side="high"
)
PREFIX_CACHE_HIT_RATIO = Signal(
    "prefix_cache_hit_ratio", "1", "share of prompt tokens that were found in the prefix cache, 0 to 1", bad_side="low"
)
BATCH_UTILIZATION = Signal(
    "batch_utilization_ratio",
    "1",
    "requests that are being worked on, over those the server takes at once",
    bad_side="high",
)
PREEMPTIONS_PER_SECOND = Signal(
    "preemptions_per_second", "1 per second", "requests put back because the cache was full", bad_side="high"
)
PROMPT_TOKENS_PER_SECOND = Signal("prompt_tokens_per_second", "tokens per second", "tokens of prompts worked through")
OUTPUT_TOKENS_PER_SECOND = Signal("output_tokens_per_second", "tokens per second", "tokens given out", bad_side="low")
REPLICAS_HEALTHY = Signal("replicas_healthy", "1", "replicas that pass their health check", bad_side="low")
SERVER_UP = Signal("server_up", "1", "1 if the server answered when it was last asked, 0 if not", bad_side="low")

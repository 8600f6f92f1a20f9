"""What can be wrong with a model server."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.faults.fault import Fault, Threshold

LATENCY_DEGRADED = Fault(
    name="latency_degraded",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="latency_degraded",
    signals=(
        signals.REQUEST.name,
        signals.REQUEST_P99.name,
        signals.TIME_TO_FIRST_TOKEN.name,
        signals.TIME_TO_FIRST_TOKEN_P99.name,
        signals.TIME_PER_OUTPUT_TOKEN.name,
        signals.TIME_PER_OUTPUT_TOKEN_P99.name,
    ),
    context=(signals.REQUESTS_WAITING.name, signals.REQUESTS_PER_SECOND.name),
    summary="The server answers far more slowly than it did.",
    first_action="Compare it with other replicas: if it is slow alone, drain it and look at its GPU, else at the load.",
    thresholds={
        "ratio": Threshold(
            3.0,
            "latency over the median of up to a day",
            "twice the same hour of the last week is in use; without a week to compare with, three times",
        ),
        "usual_ratio": Threshold(
            1.5, "latency over the 98th percentile of up to a day", "design of the project: what comes back is usual"
        ),
        "request_seconds": Threshold(0.5, "rise of the time of a request, in seconds", "below, few people notice"),
        "first_token_seconds": Threshold(
            0.2, "rise of the time to the first token, in seconds", "below, few people notice"
        ),
        "token_seconds": Threshold(
            0.02, "rise of the time of each further token, in seconds", "reading takes longer than 20 ms a token"
        ),
        "minimum_requests": Threshold(
            20.0, "requests in a minute that a 99th percentile needs", "else it is one of them"
        ),
    },
    close_count=5,
)

QUEUE_GROWTH = Fault(
    name="queue_growth",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="queue_growth",
    signals=(signals.REQUESTS_WAITING.name,),
    summary="More and more requests wait.",
    first_action="Add replicas or shed load; if the load is as ever, find out why this server has become slower.",
    thresholds={
        "minimum_requests": Threshold(
            10.0, "requests that wait at least", "design of the project: fewer are soon done"
        ),
        "usual_ratio": Threshold(
            2.0, "requests that wait over the 98th percentile of up to a day", "design of the project: peaks are usual"
        ),
    },
    close_count=3,
)

ERROR_RATE = Fault(
    name="error_rate",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="error_rate",
    signals=(signals.ERROR_RATIO.name,),
    context=(signals.REQUESTS_PER_SECOND.name, signals.FAILED_REQUESTS_PER_SECOND.name),
    summary="Too many requests fail.",
    first_action="Read the server's log for the errors, and roll back what was changed last.",
    thresholds={
        "share": Threshold(0.01, "share of the requests that fail", "an availability of 99 %"),
        "usual_ratio": Threshold(
            3.0, "that share over the 98th percentile of up to a day", "some clients always ask wrongly"
        ),
        "minimum_requests": Threshold(100.0, "requests in five minutes", "one failure is then no more than 1 %"),
        "minimum_failed": Threshold(5.0, "failures in five minutes", "by chance alone so many are rare"),
    },
)

SATURATION = Fault(
    name="saturation",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="saturation",
    signals=(signals.KV_CACHE_UTILIZATION.name, signals.BATCH_UTILIZATION.name),
    context=(signals.REQUESTS_WAITING.name, signals.PREEMPTIONS_PER_SECOND.name),
    summary="The server is full, and requests wait for it.",
    first_action="Add replicas, or lower the longest context or the number of requests taken at once.",
    thresholds={
        "share": Threshold(
            0.95, "share of the cache or of the batch in use", "design of the project: room for one more"
        ),
        "waiting": Threshold(1.0, "requests that wait in each minute", "somebody suffers"),
    },
    close_count=5,
)

TOKEN_THROUGHPUT_DROP = Fault(
    name="token_throughput_drop",
    category="infrastructure",
    severity="warning",
    scope="rank",
    detector="token_throughput_drop",
    signals=(signals.OUTPUT_TOKENS_PER_SECOND.name,),
    context=(signals.REQUESTS_RUNNING.name, signals.PROMPT_TOKENS_PER_SECOND.name),
    summary="The server gives out far fewer tokens than its load would let one expect.",
    first_action="Look at the clocks, temperature and neighbours of its GPU; compare with the other replicas.",
    thresholds={
        "ratio": Threshold(
            0.6,
            "tokens per second over the 10th percentile of up to a day in which requests ran",
            "design of the project: well beyond the 1.25 of a slow node",
        ),
    },
    close_count=5,
)

SERVER_DOWN = Fault(
    name="server_down",
    category="infrastructure",
    severity="critical",
    scope="rank",
    detector="server_down",
    signals=(signals.SERVER_UP.name,),
    summary="The server does not answer.",
    first_action="Take it out of the load balancer, see whether its process runs, and read the end of its log.",
    thresholds={
        "minimum_polls": Threshold(3.0, "answers in a row that did not come", "one or two are lost now and then"),
        "minimum_seconds": Threshold(30.0, "seconds without an answer", "a reload or a long pause of the server"),
        "startup_seconds": Threshold(
            1200.0, "seconds that a server may take until its first answer", "loading and compiling: 20 minutes"
        ),
    },
    close_count=2,
)

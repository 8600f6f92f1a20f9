"""Model servers: healthy ones under every kind of load, and those that get slow, full or lost."""

from __future__ import annotations

from tests.scenarios.scenario import Scenario
from tests.scenarios.server import served


def _healthy(name: str, polls: int = 1000, **server: float) -> Scenario:
    return Scenario(f"healthy_{name}", served(f"healthy_{name}", server, polls=polls))


def _faulty(
    name: str, fault: str, within: int, factors: dict[str, float], also: tuple[str, ...] = (), **server: float
) -> Scenario:
    return Scenario(name, served(name, server, factors), fault, "infrastructure", within, also)


HEALTHY = (
    _healthy("server"),
    # The crest must stay within what the server can take: beyond, requests wait, and that is no false finding.
    _healthy("server_waves", wave=0.3, wave_seconds=1800.0),
    _healthy("server_almost_idle", rate=0.2),
    _healthy("server_short_answers", rate=6.0, answer_tokens=40.0, prompt_tokens=150.0),
)
# A server that is full lets requests wait: both names are right wherever one is. One that gives out its tokens more
# slowly is slower for each request too.
FAULTY = (
    _faulty(
        "server_slow", "latency_degraded", 120, {"tokens_per_second": 0.25, "rate": 0.3}, ("token_throughput_drop",)
    ),
    _faulty("server_slow_prefill", "latency_degraded", 120, {"prefill_tokens_per_second": 0.02, "rate": 0.6}),
    _faulty("server_queue", "queue_growth", 120, {"rate": 4.0}, ("saturation",)),
    _faulty("server_few_slots", "queue_growth", 120, {"slots": 0.2}, ("saturation",)),
    _faulty("server_errors", "error_rate", 60, {"errors": 150.0}),
    _faulty("server_some_errors", "error_rate", 120, {"errors": 40.0}),
    _faulty(
        "server_cache_full",
        "saturation",
        120,
        {"prompt_tokens": 2.5, "answer_tokens": 4.0},
        ("queue_growth",),
        slots=64,
        cache_tokens=60_000.0,
    ),
    _faulty("server_batch_full", "saturation", 120, {"rate": 1.3, "answer_tokens": 3.0}, ("queue_growth",)),
    # It takes less than comes in: the queue shows that before the tokens have been low for five minutes.
    _faulty(
        "server_tokens_lost",
        "token_throughput_drop",
        120,
        {"tokens_per_second": 0.12},
        ("latency_degraded", "queue_growth"),
    ),
    _faulty("server_gone", "server_down", 30, {"is_up": 0.0}),
    _faulty("server_gone_when_busy", "server_down", 30, {"is_up": 0.0}, rate=5.0),
)

ALL = (*HEALTHY, *FAULTY)

"""A model server, simulated: requests arrive, wait, share a batch and a cache, and are answered token by token."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from tests.scenarios.run_log import RunLog
from tests.scenarios.scenario import START, Recording
from tests.scenarios.trained import generator

TICK = 0.5
POLL_TICKS = 30
POLL_SECONDS = TICK * POLL_TICKS
FULL = 0.98
"""Requests are taken in until so much of the cache is used; what then does not fit is put back."""


@dataclass
class Server:
    """Continuous batching: up to `slots` requests at once, as long as their tokens fit the cache.

    `tokens_per_second` is what one request gets alone; a full batch gives each `full_share` of it. `rate` are requests
    a second, as they are at a time; `errors` the share of requests that fail at once. Planted faults change the fields.
    """

    rate: float = 3.0
    wave: float = 0.0
    wave_seconds: float = 3600.0
    slots: float = 32
    cache_tokens: float = 40_000.0
    prompt_tokens: float = 400.0
    answer_tokens: float = 150.0
    tokens_per_second: float = 60.0
    full_share: float = 0.55
    prefill_tokens_per_second: float = 8000.0
    errors: float = 0.001
    is_up: bool = True
    now: float = START
    waiting: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nobody is served yet."""
        # One row a request: arrived, started, first token, tokens of the prompt, tokens wanted, tokens given.
        self.running = np.zeros((0, 6))
        self.seen = _Poll()

    def tick(self, rng: np.random.Generator) -> None:
        """Let half a second pass."""
        self.now += TICK
        if not self.is_up:
            self.waiting, self.running = [], np.zeros((0, 6))
            return
        self._arrive(rng)
        self._start()
        self._decode(rng)
        self._preempt()

    def _arrive(self, rng: np.random.Generator) -> None:
        rate = self.rate * (1.0 + self.wave * math.sin(2.0 * math.pi * (self.now - START) / self.wave_seconds))
        for _ in range(rng.poisson(rate * TICK)):
            if rng.random() < self.errors:
                self.seen.failed += 1
                continue
            prompt = self.prompt_tokens * math.exp(0.6 * rng.normal())
            wanted = max(1.0, self.answer_tokens * math.exp(0.7 * rng.normal()))
            self.waiting.append([self.now, 0.0, 0.0, prompt, wanted, 0.0])

    def _start(self) -> None:
        while self.waiting and len(self.running) < self.slots and self._used() < FULL * self.cache_tokens:
            request = self.waiting.pop(0)
            request[1] = request[1] or self.now
            self.running = np.vstack([self.running, request])
            self.seen.prompt_tokens += request[3]

    def _decode(self, rng: np.random.Generator) -> None:
        if not len(self.running):
            return
        busy = len(self.running) / self.slots
        pace = self.tokens_per_second * (1.0 - (1.0 - self.full_share) * busy) * math.exp(0.05 * rng.normal())
        ready = self.running[:, 1] + self.running[:, 3] / self.prefill_tokens_per_second <= self.now
        self.running[ready & (self.running[:, 2] == 0.0), 2] = self.now + 1.0 / pace
        given = np.minimum(pace * TICK, self.running[:, 4] - self.running[:, 5]) * ready
        self.running[:, 5] += given
        self.seen.tokens += float(given.sum())
        is_done = self.running[:, 5] >= self.running[:, 4]
        self.seen.answered.append(np.c_[self.running[is_done], np.full(int(is_done.sum()), self.now)])
        self.running = self.running[~is_done]

    def _preempt(self) -> None:
        while self._used() > self.cache_tokens and len(self.running):
            self.waiting.insert(0, [*self.running[-1][:5], 0.0])
            self.running = self.running[:-1]
            self.seen.preempted += 1

    def _used(self) -> float:
        return float(self.running[:, 3].sum() + self.running[:, 5].sum())

    def poll(self) -> dict[str, float]:
        """Return what a scrape of its metrics tells, and count anew."""
        if not self.is_up:
            return {"server_up": 0.0}
        seen, self.seen = self.seen, _Poll()
        return {
            "server_up": 1.0,
            "requests_running": float(len(self.running)),
            "requests_waiting": float(len(self.waiting)),
            "kv_cache_utilization_ratio": self._used() / self.cache_tokens,
            "batch_utilization_ratio": len(self.running) / self.slots,
            **seen.signals(),
        }


class _Poll:
    """What happened since the last poll."""

    def __init__(self) -> None:
        self.failed = self.preempted = 0
        self.tokens = self.prompt_tokens = 0.0
        self.answered: list[np.ndarray] = []

    def signals(self) -> dict[str, float]:
        answered = np.concatenate(self.answered) if self.answered else np.zeros((0, 7))
        count = len(answered) + self.failed
        return {
            "requests_per_second": len(answered) / POLL_SECONDS,
            "failed_requests_per_second": self.failed / POLL_SECONDS,
            "preemptions_per_second": self.preempted / POLL_SECONDS,
            "prompt_tokens_per_second": self.prompt_tokens / POLL_SECONDS,
            "output_tokens_per_second": self.tokens / POLL_SECONDS,
            **({"error_ratio": self.failed / count} if count else {}),
            **_latencies(answered),
        }


def _latencies(answered: np.ndarray) -> dict[str, float]:
    """Return means and quantiles of the requests that were answered; nothing where none was."""
    if not len(answered):
        return {}
    arrived, started, first, _, wanted, _, done = answered.T
    durations = {
        "request": done - arrived,
        "time_to_first_token": first - arrived,
        "time_per_output_token": np.maximum(done - first, 0.0) / np.maximum(wanted - 1.0, 1.0),
        "queue": started - arrived,
    }
    values: dict[str, float] = {}
    for name, seconds in durations.items():
        values[f"{name}_seconds"] = float(seconds.mean())
        values[f"{name}_p50_seconds"] = float(np.quantile(seconds, 0.5))
        values[f"{name}_p99_seconds"] = float(np.quantile(seconds, 0.99))
    return values


def served(
    name: str, server: dict[str, float], factors: dict[str, float] | None = None, polls: int = 900
) -> Callable[[int], Recording]:
    """Return what makes the recording of a seed; `factors` are planted in its middle (None: healthy)."""
    return partial(_served, name, server, factors, polls)


def _served(name: str, fields: dict[str, float], factors: dict[str, float] | None, polls: int, seed: int) -> Recording:
    rng = generator(name, seed)
    server = Server(**fields)
    server.rate *= math.exp(rng.uniform(-0.15, 0.15))
    at = int(polls * rng.uniform(0.45, 0.65)) if factors else polls
    log, times = RunLog(name), []
    planted: float | None = None
    for poll in range(polls):
        if poll == at and factors:
            planted = server.now
            _change(server, factors)
        for _ in range(POLL_TICKS):
            server.tick(rng)
        log.scalars(server.now, None, server.poll(), rank="server-0")
        times.append(server.now)
    return Recording(log.items, times, planted, server.now)


def _change(server: Server, factors: dict[str, float]) -> None:
    for name, factor in factors.items():
        if name == "is_up":
            server.is_up = bool(factor)
        else:
            setattr(server, name, getattr(server, name) * factor)

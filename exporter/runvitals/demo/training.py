"""The training loop: mini-batches, stochastic gradient descent with momentum, and the client that watches it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from runvitals.client.watch import watch
from runvitals.demo import network, text
from runvitals.demo.schedule import EXPLODE_AFTER, GROWTH, STEP_SECONDS, learning_rate_at

MOMENTUM = 0.9
BATCH = 64


class Step(NamedTuple):
    """What one step of the training reports."""

    number: int
    loss: float
    grad_norm: float
    learning_rate: float


def steps(*, seed: int = 0, explode_after: int | None = None, growth: float = GROWTH) -> Iterator[Step]:
    """Train for ever and yield each step, numbered from 1; the same arguments give the same steps.

    After an explosion the parameters stay NaN and it goes on all the same, as real trainings do.
    """
    rng = np.random.default_rng(seed)
    corpus = text.load()
    parameters = network.initial_parameters(rng, alphabet=len(corpus.alphabet))
    context = len(parameters["hidden.weight"])
    velocity = {name: np.zeros_like(value) for name, value in parameters.items()}
    for number in count(1):
        rate = learning_rate_at(number, explode_after, growth)
        contexts, targets = _batch(rng, corpus.indices, context)
        with np.errstate(all="ignore"):  # overflow is what this run is about
            loss, gradients = network.loss_and_gradients(parameters, contexts, targets)
            norm = network.global_norm(gradients)
            _descend(parameters, velocity, gradients, rate)
        yield Step(number, loss, norm, rate)


def train(
    *,
    run: str = "demo",
    rank: int | str | None = None,
    limit: int | None = None,
    step_seconds: float = STEP_SECONDS,
    seed: int = 0,
    explode_after: int | None = EXPLODE_AFTER,
    growth: float = GROWTH,
    stop: threading.Event | None = None,
    tell: Callable[[Step], None] | None = None,
) -> int:
    """Train under the eyes of the client, one step every `step_seconds`, and return the number of steps made.

    Ends after `limit` steps or once `stop` is set, and the run is then closed as finished; an exception (Ctrl-C) closes
    it as raised. `tell` is called with every step.
    """
    stop = threading.Event() if stop is None else stop
    made = 0
    sequence = islice(steps(seed=seed, explode_after=explode_after, growth=growth), limit)
    with watch(run, rank=rank) as watched:
        for step in _paced(sequence, step_seconds, stop):
            watched.log(step=step.number, loss=step.loss, grad_norm=step.grad_norm, learning_rate=step.learning_rate)
            if tell is not None:
                tell(step)
            made = step.number
    return made


def _batch(rng: np.random.Generator, indices: network.Indices, context: int) -> tuple[network.Indices, network.Indices]:
    starts = rng.integers(0, len(indices) - context, BATCH)
    windows = indices[starts[:, None] + np.arange(context + 1)]
    return windows[:, :-1], windows[:, -1]


def _descend(
    parameters: network.Parameters, velocity: network.Parameters, gradients: network.Parameters, rate: float
) -> None:
    for name, gradient in gradients.items():
        velocity[name] *= MOMENTUM
        velocity[name] -= gradient * rate
        parameters[name] += velocity[name]


def _paced(sequence: Iterable[Step], step_seconds: float, stop: threading.Event) -> Iterator[Step]:
    due = time.monotonic()
    for step in sequence:
        yield step
        now = time.monotonic()
        due = max(due + step_seconds, now)
        if stop.wait(due - now):
            return

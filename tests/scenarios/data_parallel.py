"""One run on several ranks: each has its own batch, all have the mean of the gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from hazard.optimizers import Sgd
from runvitals.values import EventKind
from tests.scenarios import vitals
from tests.scenarios.networks import make_network
from tests.scenarios.run_log import RunLog
from tests.scenarios.scenario import START, Recording
from tests.scenarios.step_clock import StepClock
from tests.scenarios.trained import generator

RANKS = 4
STEPS = 500
BATCH = 16
RATE = 0.02


def healthy_ranks(name: str) -> Callable[[int], Recording]:
    """Return what makes the healthy run of a seed."""
    return partial(_record, name, 0.0, False)


def nan_on_one_rank(name: str, *, skips: bool) -> Callable[[int], Recording]:
    """Return what makes the run of a seed: from its middle on one rank computes NaN from good input.

    A trainer that `skips` steps whose gradient is not finite keeps the other ranks well.
    """
    return partial(_record, name, 0.5, skips)


def _record(name: str, share: float, skips: bool, seed: int) -> Recording:
    rng = generator(name, seed)
    run = _Ranks(name, rng)
    at = int(STEPS * share * rng.uniform(0.8, 1.2)) if share else STEPS
    broken = int(rng.integers(1, RANKS))
    times: list[float] = []
    planted: float | None = None
    for step in range(STEPS):
        if step == at:
            planted = run.now
        run.take_step(step, broken if step >= at else None, skips)
        times.append(run.now)
    run.finish()
    return Recording(run.log.items, times, planted, run.now)


class _Ranks:
    """The ranks of one machine, in lockstep."""

    def __init__(self, name: str, rng: np.random.Generator) -> None:
        self.rng, self.log, self.now = rng, RunLog(name), START
        self._network = make_network("perceptron", rng)
        self._optimizer, self._clock = Sgd(0.9), StepClock()
        for rank in range(RANKS):
            self.log.event(EventKind.RUN_STARTED, self.now, rank=str(rank), pid=str(4000 + rank), world_size=str(RANKS))

    def take_step(self, step: int, broken: int | None, skips: bool) -> None:
        took = self._clock.draw(self.rng, step)
        gradients = []
        for rank in range(RANKS):
            batch = self._network.draw(self.rng, BATCH)
            loss, gradient = self._network.loss_and_gradient(batch)
            if rank == broken:
                loss, gradient = np.nan, gradient * np.float32(np.nan)
            gradients.append(gradient)
            at = self.now + took.data + 0.3 * took.compute + 0.001 * rank
            self.log.scalars(at, step, {**vitals.inputs(batch), "loss": loss}, rank=str(rank))
        mean = np.mean(gradients, axis=0)
        if not (skips and not np.isfinite(mean).all()):
            self._optimizer.step(self._network.weights, mean, RATE)
        self.now += took.total
        values = {
            "grad_norm": vitals.norm(mean),
            "learning_rate": RATE,
            "step_seconds": took.total,
            "compute_seconds": took.compute,
        }
        for rank in range(RANKS):
            self.log.scalars(self.now, step, values, rank=str(rank))

    def finish(self) -> None:
        self.now += 1.0
        for rank in range(RANKS):
            self.log.event(EventKind.RUN_FINISHED, self.now, STEPS, rank=str(rank))

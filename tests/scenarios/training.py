"""The training loop: real gradients and real steps on a simulated clock, and what a good hook logs of them."""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hazard.loss_scale import LossScale
from hazard.optimizers import OPTIMIZERS
from hazard.tasks.task import Batch, Floats
from runvitals.values import EventKind
from tests.scenarios import vitals
from tests.scenarios.machine import Machine
from tests.scenarios.networks import make_network
from tests.scenarios.plan import Plan
from tests.scenarios.run_log import RunLog
from tests.scenarios.scenario import START, Recording
from tests.scenarios.step_clock import StepClock, StepTime

STARTUP_SECONDS = 25.0
RESTART_SECONDS = 90.0
MACHINE_SECONDS = 10.0
LINGER_SECONDS = 3600.0
"""How long is watched what came to a standstill."""


class Plant(NamedTuple):
    """Something that happens to a run: `act` is called before the `at`-th step (from 0)."""

    at: int
    act: Callable[[Training], None]


class Training:
    """One run while it goes on. What is planted changes the public attributes.

    `frozen` weights have no gradient; `alter_batch`, `alter_gradient`, `alter_loss` stand between the parts of a step.
    `taken` counts the steps taken; `step` is what the trainer calls them, and may go back.
    """

    def __init__(self, plan: Plan, rng: np.random.Generator, run: str) -> None:
        self.plan, self.rng = plan, rng
        self.network = make_network(plan.network, rng, **plan.options)
        self.optimizer: Any = OPTIMIZERS[plan.optimizer]()
        self.scaler = LossScale() if plan.options.get("precision") == "float16" else None
        self.clock = StepClock(**plan.clock)
        self.machine = Machine(**(plan.machine or {}))
        self.log = RunLog(run, plan.digits)
        self.step = self.taken = 0
        self.now = START
        self.is_over = False
        self.end: EventKind | None = EventKind.RUN_FINISHED
        self.rate_factor: float = 1.0
        self.frozen = np.zeros(len(self.network.weights), bool)
        for layer in plan.frozen:
            self.frozen[self.network.layers[layer]] = True
        self.alter_batch: Callable[[Batch], Batch] = lambda batch: batch
        self.alter_gradient: Callable[[Floats], Floats] = lambda gradient: gradient
        self.alter_loss: Callable[[float], float] = lambda loss: loss
        self.extra: dict[str, float] = {}
        self.missing: frozenset[str] = frozenset()
        self._saved: tuple[int, Floats, Any, Any] | None = None
        self._machine_due = START + MACHINE_SECONDS

    def record(self, plants: Sequence[Plant] = (), planted: int | None = None) -> Recording:
        """Train to the end; `planted` is the step from which on something is wrong."""
        self._started()
        times: list[float] = []
        planted_time: float | None = None
        with np.errstate(all="ignore"):  # overflow is what some of these runs are for
            while self.step < self.plan.steps and not self.is_over:
                if self.taken == planted:
                    planted_time = self.now if planted else START
                for plant in plants:
                    if plant.at == self.taken:
                        plant.act(self)
                if not self.is_over:
                    self._take_step()
                    times.append(self.now)
        return Recording(self.log.items, times, planted_time, self._finish())

    def save(self) -> None:
        """Write a checkpoint after the step: all that a resume needs."""
        self._saved = (
            self.step + 1,
            self.network.weights.copy(),
            copy.deepcopy(self.optimizer),
            copy.deepcopy(self.scaler),
        )

    def resume(self, *, loses_state: bool = False, restarts: bool = True, is_marked: bool = True) -> None:
        """Go on from the last checkpoint; `loses_state` forgets what the optimizer knew.

        It `restarts` in another process, as after a preemption, or goes back in its own.
        """
        if self._saved is None:
            raise RuntimeError("there is no checkpoint to resume from")
        if restarts:
            self._restart()
        self.step, weights, optimizer, scaler = self._saved
        self.network.weights[:] = weights
        self.optimizer = OPTIMIZERS[self.plan.optimizer]() if loses_state else copy.deepcopy(optimizer)
        self.scaler = copy.deepcopy(scaler)
        if is_marked:
            self.log.event(EventKind.RESUME, self.now, self.step, f"from step {self.step}")

    def _restart(self) -> None:
        self.now += 1.0
        self.log.event(EventKind.RUN_FINISHED, self.now, self.step)
        self.now += RESTART_SECONDS
        self._started()

    def stop(self, end: EventKind | None) -> None:
        """End the run now; without an `end` nothing more is heard of it, though it lives."""
        self.is_over, self.end = True, end

    def _started(self) -> None:
        self.log.event(EventKind.RUN_STARTED, self.now, pid="4242", host="node-7", world_size="1")
        self.now += STARTUP_SECONDS

    def _finish(self) -> float:
        if self.end is None:
            self._watch_machine(self.now + LINGER_SECONDS)
            return self.now + LINGER_SECONDS
        self.now += 1.0
        self.log.event(self.end, self.now, self.step)
        return self.now

    def _take_step(self) -> None:
        rate = self.plan.rate * self.plan.schedule(self.step) * self.rate_factor
        scale = self.scaler.scale if self.scaler else 1.0
        before = self.network.weights.copy()
        batches, losses, gradient = self._pass(scale)
        norm = vitals.norm(gradient)
        self._update(gradient, norm, rate, before)
        took = self.clock.draw(self.rng, self.step)
        self.now += took.total
        self._watch_machine(self.now)
        values = {
            **vitals.inputs(batches[-1]),
            "loss": float(np.mean(losses)),
            "grad_norm": norm,
            "learning_rate": rate,
            **self._times(took),
            **({"loss_scale": scale} if self.scaler else {}),
            **vitals.answers(self.network, batches[-1]),
            **self.extra,
        }
        self._log_step(values, losses, batches[-1])
        if self.plan.detail == "full" and self.step % self.plan.layers_every == 0:
            self._log_layers(gradient, before)
        self._pause()
        self.step += 1
        self.taken += 1

    def _update(self, gradient: Floats, norm: float, rate: float, before: Floats) -> None:
        if self.scaler is None or math.isfinite(norm):
            factor = self.plan.clip / norm if self.plan.clip and norm > self.plan.clip else 1.0
            self.optimizer.step(self.network.weights, gradient * np.float32(factor), rate)
            self.network.weights[self.frozen] = before[self.frozen]
        if self.scaler:
            self.scaler.update(overflowed=not math.isfinite(norm))

    def _times(self, took: StepTime) -> dict[str, float]:
        return {
            "step_seconds": took.total,
            "data_seconds": took.data,
            "compute_seconds": took.compute,
            "samples_per_second": self.plan.batch * self.plan.accumulate / took.total,
        }

    def _pass(self, scale: float) -> tuple[list[Batch], list[float], Floats]:
        batches, losses, total = [], [], np.zeros_like(self.network.weights)
        for _ in range(self.plan.accumulate):
            batch = self.alter_batch(self.network.draw(self.rng, self.plan.batch))
            loss, gradient = self.network.loss_and_gradient(batch, scale)
            batches.append(batch)
            losses.append(self.alter_loss(loss))
            total += gradient.astype(np.float32) / np.float32(scale * self.plan.accumulate)
        return batches, losses, np.where(self.frozen, np.float32(0), self.alter_gradient(total))

    def _log_step(self, values: dict[str, float], losses: list[float], batch: Batch) -> None:
        if self.plan.marks_batches:
            fingerprint = zlib.crc32(batch[0].tobytes())
            self.log.event(EventKind.BATCH, self.now, self.step, f"shard-{self.taken // 50:03d}/{fingerprint:08x}")
        if self.step % self.plan.log_every:
            return
        chosen = vitals.chosen(values, self.plan.detail, self.missing)
        if self.plan.logs_micro_batches:
            for loss in losses[:-1]:
                self.log.scalars(self.now, self.step, {"loss": loss})
            chosen["loss"] = losses[-1]
        self.log.scalars(self.now, self.step, chosen)
        if self.rng.random() < self.plan.repeats:
            self.log.scalars(self.now, self.step, chosen)

    def _log_layers(self, gradient: Floats, before: Floats) -> None:
        self.log.scalars(self.now, self.step, vitals.whole(self.network, before))
        for layer, values in vitals.layers(self.network, gradient, before, self.plan.frozen).items():
            self.log.scalars(self.now, self.step, values, layer)

    def _pause(self) -> None:
        plan, done = self.plan, self.step + 1
        if plan.eval_every and done % plan.eval_every == 0:
            self._announce(EventKind.EVALUATION)
            self.now += plan.eval_seconds * math.exp(0.1 * self.rng.normal())
            self.log.scalars(self.now, self.step, self.network.evaluate())
        if plan.checkpoint_every and done % plan.checkpoint_every == 0:
            self._announce(EventKind.CHECKPOINT)
            self.now += plan.checkpoint_seconds
            self.save()

    def _announce(self, kind: EventKind) -> None:
        if self.plan.announces_pauses:
            self.log.event(kind, self.now, self.step)

    def _watch_machine(self, until: float) -> None:
        while self.plan.machine is not None and self._machine_due <= until:
            time = self._machine_due
            self.log.scalars(time, None, self.machine.process(self.rng, time - START))
            if self.plan.has_gpu:
                self.log.scalars(time, None, self.machine.gpu(self.rng))
            self._machine_due += MACHINE_SECONDS

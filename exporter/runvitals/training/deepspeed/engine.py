"""The engine that `deepspeed.initialize` returns, watched from outside: DeepSpeed itself is not imported."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from math import inf, nan
from typing import Any

import torch

from runvitals.client.run import Run
from runvitals.client.warning import warn
from runvitals.client.watch import watch as watch_run
from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.torch.cost import Cost
from runvitals.training.torch.measurements import Measurements
from runvitals.training.torch.parameters import trainable
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.run import TorchRun
from runvitals.training.torch.sampling import Sampling
from runvitals.training.torch.step_clock import StepClock


class EngineWatcher(OffSwitch):
    """Sees `forward`, `backward` and `step` of an engine go by; a step is one of its `global_steps`, from 0.

    Under ZeRO, and in half precision, gradients are taken from the parameters as they come: the norm is the one that
    the engine computes before it clips. Elsewhere it is computed here, on the steps that are looked at.
    """

    name = "the hooks on the engine"

    def __init__(self, run: Run, readback: Readback, engine: Any, every: int | None, max_layers: int) -> None:
        super().__init__()
        if hasattr(engine, "train_batch"):
            raise TypeError("a pipeline engine has neither backward() nor step(); its log can be read")
        self._run: Run = run
        self._readback, self._engine = readback, engine
        self._clock, self._sampling, self._cost = StepClock(), Sampling(every), Cost()
        self._made = 0
        self._counted: int = engine.global_steps
        self._skipped: int = engine.skipped_steps
        self._losses: list[Any] = []
        has_gradients = isinstance(engine.optimizer, torch.optim.Optimizer)
        parameters = trainable(engine.module) if has_gradients else []
        self._measurements = Measurements(run, readback, parameters, max_layers, self._cost) if parameters else None

    @property
    def step(self) -> int:
        """The step that is being made; between two steps the next."""
        return self._counted

    def attach(self) -> None:
        """Put the hooks on."""
        self._undo.append(self._engine.register_forward_pre_hook(self._forward).remove)
        self._undo.append(_around(self._engine, "backward", self._before_backward, self._after_backward))
        self._undo.append(_around(self._engine, "step", self._before_step, self._after_step))

    def begin_step(self, step: int, inputs: tuple[Any, ...]) -> None:
        """Do nothing: the engine numbers its steps."""

    @guarded
    def interrupt(self) -> None:
        """Leave the time since the last step out of what is told of the next."""
        self._clock = StepClock()

    @guarded
    def _forward(self, *_: Any) -> None:
        if not torch.is_grad_enabled():
            self._clock.evaluation()
            return
        self._clock.forward()
        self._readback.deliver()

    @guarded
    def _before_backward(self, loss: Any = None, *_: Any, **__: Any) -> None:
        self._clock.first_gradient()
        if torch.is_tensor(loss) and loss.numel() == 1:
            self._losses.append(loss.detach().reshape(()).to(torch.float32))

    @guarded
    def _after_backward(self) -> None:
        self._clock.backward()

    @guarded
    def _before_step(self, *_: Any, **__: Any) -> None:
        engine = self._engine
        if not engine.is_gradient_accumulation_boundary():
            return
        self._clock.optimizer()
        if self._measurements is not None and self._sampling.is_due(self._made):
            self._cost.timed(self._measurements.send_norms, self._counted, "grad_norm")
            self._sampling.looked(self._made, self._cost.seconds, self._cost.device_bytes)
            self._cost.clear()

    @guarded
    def _after_step(self) -> None:
        engine, step = self._engine, self._counted
        if engine.global_steps == step:
            return  # another batch is accumulated
        durations = self._clock.step()
        if durations:
            self._sampling.stepped(durations["step_seconds"])
        self._run.log({**durations, **self._state()}, step=step)
        self._send_loss(step)
        if self._measurements is None:
            self._send_norm(step)
        self._counted, self._skipped = engine.global_steps, engine.skipped_steps
        self._made += 1

    def _state(self) -> dict[str, float]:
        engine = self._engine
        rates = [float(rate) for rate in engine.get_lr() if isinstance(rate, (int, float))]
        scale = getattr(engine.optimizer, "loss_scale", None) if engine.fp16_enabled() else None
        return {
            "skipped_steps_total": float(engine.skipped_steps),
            **({"learning_rate": max(rates)} if rates else {}),
            **({"loss_scale": float(scale)} if isinstance(scale, (int, float)) else {}),
        }

    def _send_loss(self, step: int) -> None:
        losses, self._losses = self._losses, []
        if losses:
            self._send(torch.stack(losses).mean(), lambda loss: self._run.log({"loss": loss}, step=step))

    def _send_norm(self, step: int) -> None:
        """Record the engine's norm; that of a step which it skipped is from before, or infinite."""
        norm = inf if self._engine.skipped_steps > self._skipped else self._engine.get_global_grad_norm()
        if norm is not None:
            self._send(norm, lambda known: self._run.log({"grad_norm": nan if known < 0.0 else known}, step=step))

    def _send(self, value: Any, take: Callable[[float], None]) -> None:
        if torch.is_tensor(value):
            self._readback.send(value.detach().reshape(1), lambda numbers: take(numbers[0]))
        else:
            take(float(value))


def _around(engine: Any, name: str, before: Callable[..., None], after: Callable[[], None]) -> Callable[[], object]:
    """Have a method of this object preceded and followed by calls; return what undoes it."""
    method = getattr(engine, name)

    @functools.wraps(method)
    def seen(*arguments: Any, **keywords: Any) -> Any:
        before(*arguments, **keywords)
        result = method(*arguments, **keywords)
        after()
        return result

    setattr(engine, name, seen)
    return lambda: engine.__dict__.pop(name, None) if engine.__dict__.get(name) is seen else None


def watch(
    engine: Any,
    *,
    run: str,
    rank: int | str | None = None,
    world_size: int | None = None,
    every: int | None = None,
    max_layers: int = 16,
) -> TorchRun:
    """Watch the engine that `deepspeed.initialize` returned; steps are its `global_steps`, from 0.

    Recorded by itself: the loss given to `engine.backward` (of accumulated batches the mean), the gradient norm before
    clipping, learning rate, loss scale, skipped steps, `step_seconds`, `data_seconds`, and `compute_seconds`, the time
    of the forward passes. Without ZeRO and half precision also the norms of layers, for which `every` and `max_layers`
    are those of `runvitals.training.torch.watch`. A pipeline engine is not watched, since it has no such calls. Never
    raises: what cannot be hooked is not watched, with one warning.
    """
    recorder = watch_run(run, rank=rank, world_size=world_size)
    readback = Readback(recorder)
    watcher = None
    try:
        watcher = EngineWatcher(recorder, readback, engine, every, max_layers)
        watcher.attach()
    except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
        warn("the engine is not watched; what is logged is recorded", error)
        with suppress(Exception):  # a hook that cannot be removed either
            if watcher:
                watcher.detach()
        return TorchRun(recorder, None, readback)
    return TorchRun(recorder, watcher, readback)

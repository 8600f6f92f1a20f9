"""The hooks on a model and its optimizers, in the order in which they are called in a step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from runvitals.client.run import Run
from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.torch.activations import Statistics
from runvitals.training.torch.cost import Cost
from runvitals.training.torch.execution_state import is_being_compiled, is_being_transformed, is_in_backward
from runvitals.training.torch.forward_statistics import ForwardStatistics
from runvitals.training.torch.gradient_change import GradientChange
from runvitals.training.torch.measurements import Measurements
from runvitals.training.torch.parameters import Parameter, trainable, unwrapped
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.sampling import Sampling
from runvitals.training.torch.step_clock import StepClock


class WatchSettings(NamedTuple):
    """What `watch` was asked for."""

    every: int | None = None
    max_layers: int = 16
    first_step: int = 0
    gradient_change: bool = False


class Watcher(OffSwitch):
    """Sees each step go by: forward, first gradient, end of the backward pass, optimizer.

    The end of the backward pass is told by a callback that autograd runs when all gradients are there. It is asked for
    by a hook on the parameter whose gradient comes first: a hook on each of hundreds would cost more than all the rest.
    """

    name = "the hooks on the model"

    def __init__(
        self,
        run: Run,
        readback: Readback,
        model: torch.nn.Module,
        optimizers: list[torch.optim.Optimizer],
        criterion: torch.nn.Module | None,
        scaler: Any,
        settings: WatchSettings,
    ) -> None:
        super().__init__()
        self._run, self._readback = run, readback
        self._model, self._optimizers, self._criterion, self._scaler = model, optimizers, criterion, scaler
        self._parameters = trainable(unwrapped(model))
        if not self._parameters:
            raise ValueError("the model has no parameter that requires a gradient")
        self._cost = Cost()
        self._measurements = Measurements(run, readback, self._parameters, settings.max_layers, self._cost)
        self._forward_statistics = ForwardStatistics(model, settings.max_layers, self._cost, self._send)
        self._change = GradientChange(self._parameters, self._cost) if settings.gradient_change else None
        self._changed: Any = None
        self._sampling = Sampling(settings.every)
        self._clock = StepClock()
        self._next, self._made = settings.first_step, 0
        self._is_open = self._is_in_backward = self._has_listened_anew = self._has_closure = False
        self._usual_backwards = 0
        self._probe: Parameter | None = None
        self._begin()

    @property
    def step(self) -> int:
        """The step that is being made; between two steps the last one."""
        return self._next if self._is_open else max(self._next - 1, 0)

    def is_of(self, run: Run) -> bool:
        """Whether what is seen is recorded in this run."""
        return self._run is run

    def attach(self) -> None:
        """Put the hooks on."""
        self._undo.append(self._model.register_forward_pre_hook(self._forward).remove)
        for optimizer in self._optimizers[:1]:
            self._undo_later.append(optimizer.register_step_pre_hook(self._before_step).remove)
        for optimizer in self._optimizers[-1:]:
            self._undo_later.append(optimizer.register_step_post_hook(self._after_step).remove)
        if self._criterion is not None:
            self._undo.append(self._criterion.register_forward_hook(self._loss).remove)
        self._listen(self._parameters)

    def _begin(self) -> None:
        """Decide whether the step that begins is looked at."""
        self._is_looking = self._sampling.is_due(self._made)
        self._forward_statistics.begin_step()
        self._backwards, self._changed = 0, None

    def _undo_what_can_be(self) -> None:
        super()._undo_what_can_be()
        self._forward_statistics.detach()
        self._change = self._changed = None

    @guarded
    def begin_step(self, step: int, inputs: tuple[Any, ...]) -> None:
        """Begin the step of this number, whether or not the one before it was made."""
        self._next = step
        self._clock.forward()
        self._readback.deliver()
        self._forward_statistics.unhook()
        self._begin()
        self._is_open = True
        if self._is_looking:
            self._cost.timed(self._forward_statistics.watch_layers)
        if self._is_looking and inputs:
            self._forward_statistics.watch_input(inputs)

    @guarded
    def interrupt(self) -> None:
        """Leave the time since the last step out of what is told of the next."""
        self._clock = StepClock()

    @guarded
    def _forward(self, _module: Any, inputs: tuple[Any, ...]) -> None:
        if is_being_compiled() or is_being_transformed():
            return
        if not torch.is_grad_enabled():
            self._clock.evaluation()  # is no step
            return
        if not is_in_backward():  # else it is computed again for the backward pass (activation checkpointing)
            self._clock.forward()
            self._is_in_backward = False  # a backward pass that raised has not told its end
            self._forget_what_was_discarded()
        self._readback.deliver()
        self._is_open = True
        if self._is_looking:
            self._forward_statistics.watch_pass(inputs)

    @guarded
    def _first_gradient(self) -> None:
        if self._is_in_backward:
            return
        self._is_in_backward = True
        self._clock.first_gradient()
        # Data parallelism finishes in a callback of its own, which is asked for later than this one: so go last.
        queue = torch.autograd.Variable._execution_engine.queue_callback
        queue(lambda: self._in_backward(queue))

    @guarded
    def _in_backward(self, queue: Callable[[Callable[[], None]], None]) -> None:
        queue(self._backward)

    @guarded
    def _backward(self) -> None:
        self._clock.backward()
        self._is_in_backward = False
        self._backwards += 1
        self._probe = next((one for one in self._listened if one.tensor.grad is not None), None)
        self._forward_statistics.unhook()
        if self._backwards >= self._usual_backwards:
            self._look_at_gradients(getattr(self._scaler, "_scale", None))

    def _look_at_gradients(self, scale: Any) -> None:
        if self._is_looking:
            self._cost.timed(self._measurements.send_norms, self._next, "grad_norm", scale)
        if self._change is not None:
            self._cost.timed(self._look_at_change, self._change, scale)

    def _look_at_change(self, change: GradientChange, scale: Any) -> None:
        """Compare in a step that is looked at, and keep the gradients of the one before; a later pass undoes it."""
        if self._is_looking:
            self._changed = change.compare(self._made, scale)
        elif self._sampling.is_due(self._made + 1):
            change.keep(self._made, scale)

    @guarded
    def _before_step(self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if is_being_compiled():
            return
        self._clock.optimizer()
        self._is_open, self._is_in_backward = True, False
        self._has_closure = any(callable(one) for one in (*arguments[1:], keywords.get("closure")))
        if not self._backwards and not self._has_closure and not self._has_listened_anew:
            self._has_listened_anew = True
            self._listen([one for one in self._parameters if one.tensor.grad is not None] or self._parameters)
        if self._is_looking:
            if not self._has_closure:  # which computes the gradients only now
                scale = _scale_left_to(optimizer)
                self._cost.timed(self._measurements.send_norms, self._next, "clipped_grad_norm", scale)
            self._cost.timed(self._measurements.begin_update)

    @guarded
    def _after_step(self, *_: Any) -> None:
        if is_being_compiled():
            return
        if self._is_looking:
            self._cost.timed(self._look_at_step)
            self._sampling.looked(self._made, self._cost.seconds, self._cost.device_bytes)
            self._cost.clear()
        durations = self._clock.step()
        if durations:
            self._sampling.stepped(durations["step_seconds"])
        self._run.log({**durations, **self._learning_rate()}, step=self._next)
        self._usual_backwards = self._backwards
        self._is_open = False
        self._next += 1
        self._made += 1
        self._forward_statistics.unhook()
        self._begin()

    def _look_at_step(self) -> None:
        if self._has_closure:
            self._measurements.send_norms(self._next, "clipped_grad_norm")
        elif self._changed is not None:
            self._measurements.send_gradient_change(self._next, self._changed)
        self._measurements.send_update(self._next)

    @guarded
    def _loss(self, _module: Any, _inputs: Any, output: Any) -> None:
        if is_being_compiled() or is_being_transformed() or not torch.is_grad_enabled():
            return
        if torch.is_tensor(output) and output.numel() == 1:
            self._send({"loss": output.detach()})

    def _send(self, statistics: Statistics, layer: str = "") -> None:
        self._measurements.send_statistics(self._next, statistics, layer)

    def _listen(self, parameters: list[Parameter]) -> None:
        """Hook the last of these parameters, whose gradient mostly comes first, and two more in case it gets none."""
        self._listened = [parameters[place] for place in {len(parameters) - 1, len(parameters) // 2, 0}]
        watcher = weakref.ref(self)  # the garbage collector does not see what a parameter's hooks hold
        for one in self._listened:
            hook = one.tensor.register_post_accumulate_grad_hook(lambda _: _tell_first_gradient(watcher))
            self._undo.append(hook.remove)

    def _forget_what_was_discarded(self) -> None:
        """Count the backward passes anew where gradients were set to None without a step (a loss scaler, a guard)."""
        if self._backwards and self._probe is not None and self._probe.tensor.grad is None:
            self._backwards = 0

    def _learning_rate(self) -> dict[str, float]:
        rates = [group.get("lr") for optimizer in self._optimizers for group in optimizer.param_groups]
        known = [float(rate) for rate in rates if isinstance(rate, (int, float))]
        return {"learning_rate": max(known)} if known else {}


def _tell_first_gradient(watcher: weakref.ref[Watcher]) -> None:
    known = watcher()
    if known is not None:
        known._first_gradient()


def _scale_left_to(optimizer: Any) -> Any:
    """Return the loss scale that a fused optimizer takes out of the gradients itself; None where it is out already."""
    scale = getattr(optimizer, "grad_scale", None)
    return scale if torch.is_tensor(scale) else None

"""The hooks on a model and its optimizers, in the order in which they are called in a step."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

import torch

from runvitals.client.run import Run
from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.torch.activations import Activations, Statistics, of_activations, of_input, of_output
from runvitals.training.torch.gradients import GradientNorms
from runvitals.training.torch.parameters import Parameter, trainable, unwrapped
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.sampling import Sampling
from runvitals.training.torch.step_clock import StepClock
from runvitals.training.torch.updates import UpdateRatios, ratios


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
        every: int | None,
        max_layers: int,
        first_step: int,
    ) -> None:
        super().__init__()
        self._run, self._readback = run, readback
        self._model, self._optimizers, self._criterion, self._scaler = model, optimizers, criterion, scaler
        inner = unwrapped(model)
        self._parameters = trainable(inner)
        if not self._parameters:
            raise ValueError("the model has no parameter that requires a gradient")
        self._norms = GradientNorms(self._parameters, max_layers)
        self._updates = UpdateRatios(self._parameters, max_layers)
        self._activations = Activations(inner, max_layers) if inner is model or not _is_compiled(model) else None
        self._sampling = Sampling(every)
        self._clock = StepClock()
        self._next, self._made = first_step, 0
        self._is_open = self._is_in_backward = self._has_listened_anew = self._has_closure = False
        self._usual_backwards = 0
        self._probe: Parameter | None = None
        self._begin()
        self._passing: list[Callable[[], None]] = []

    @property
    def step(self) -> int:
        """The step that is being made; between two steps the last one."""
        return self._next if self._is_open else max(self._next - 1, 0)

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

    def detach(self) -> None:
        """Remove every hook; may be called again."""
        super().detach()
        self._stop_looking_at_the_pass()

    def turn_off(self, error: Exception) -> None:
        """Remove the hooks, and say once why."""
        super().turn_off(error)
        self._stop_looking_at_the_pass()

    def _begin(self) -> None:
        """Decide whether the step that begins is looked at."""
        self._is_looking = self._sampling.is_due(self._made)
        self._has_input = False
        self._backwards, self._spent, self._device_bytes = 0, 0.0, 0

    @guarded
    def begin_step(self, step: int, inputs: tuple[Any, ...]) -> None:
        """Begin the step of this number, whether or not the one before it was made."""
        self._next = step
        self._clock.forward()
        self._readback.deliver()
        self._stop_looking_at_the_pass()
        self._begin()
        self._is_open = True
        if self._is_looking:
            self._timed(self._look_at_the_layers)
        if self._is_looking and inputs:
            self._has_input = True
            self._timed(self._look_at_the_input, inputs)

    @guarded
    def interrupt(self) -> None:
        """Leave the time since the last step out of what is told of the next."""
        self._clock = StepClock()

    @guarded
    def _forward(self, _module: Any, inputs: tuple[Any, ...]) -> None:
        if _is_being_compiled() or _is_being_transformed():
            return
        if not torch.is_grad_enabled():
            self._clock.evaluation()  # is no step
            return
        if not _is_in_backward():  # else it is computed again for the backward pass (activation checkpointing)
            self._clock.forward()
            self._is_in_backward = False  # a backward pass that raised has not told its end
            self._forget_what_was_discarded()
        self._readback.deliver()
        self._is_open = True
        if self._is_looking and not self._has_input:
            self._has_input = True
            self._timed(self._look_at_the_pass, inputs)

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
        self._stop_looking_at_the_pass()
        if self._is_looking and self._backwards >= self._usual_backwards:
            self._timed(self._send_norms, "grad_norm", getattr(self._scaler, "_scale", None))

    @guarded
    def _before_step(self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if _is_being_compiled():
            return
        self._clock.optimizer()
        self._is_open, self._is_in_backward = True, False
        self._has_closure = any(callable(one) for one in (*arguments[1:], keywords.get("closure")))
        if not self._backwards and not self._has_closure and not self._has_listened_anew:
            self._has_listened_anew = True
            self._listen([one for one in self._parameters if one.tensor.grad is not None] or self._parameters)
        if self._is_looking:
            if not self._has_closure:  # which computes the gradients only now
                self._timed(self._send_norms, "clipped_grad_norm", _scale_left_to(optimizer))
            self._timed(self._updates.before)

    @guarded
    def _after_step(self, *_: Any) -> None:
        if _is_being_compiled():
            return
        if self._is_looking:
            if self._has_closure:
                self._timed(self._send_norms, "clipped_grad_norm")
            self._timed(self._send_updates)
            self._sampling.looked(self._made, self._spent, self._device_bytes)
        durations = self._clock.step()
        if durations:
            self._sampling.stepped(durations["step_seconds"])
        self._run.log({**durations, **self._learning_rate()}, step=self._next)
        self._usual_backwards = self._backwards
        self._is_open = False
        self._next += 1
        self._made += 1
        self._stop_looking_at_the_pass()
        self._begin()

    @guarded
    def _loss(self, _module: Any, _inputs: Any, output: Any) -> None:
        if _is_being_compiled() or _is_being_transformed() or not torch.is_grad_enabled():
            return
        if torch.is_tensor(output) and output.numel() == 1:
            self._send({"loss": output.detach()})

    def _timed(self, work: Callable[..., None], *arguments: Any) -> None:
        began = time.perf_counter()
        work(*arguments)
        self._spent += time.perf_counter() - began

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

    def _look_at_the_pass(self, inputs: tuple[Any, ...]) -> None:
        self._look_at_the_input(inputs)
        if not self._passing:
            self._look_at_the_layers()
        if self._activations is not None:
            self._passing.append(self._model.register_forward_hook(self._look_at_the_output).remove)

    def _look_at_the_input(self, inputs: tuple[Any, ...]) -> None:
        self._send(of_input(next((one for one in inputs if torch.is_tensor(one)), None)))

    def _look_at_the_layers(self) -> None:
        if self._activations is not None:
            self._passing += self._activations.watch(self._look_at_a_layer)

    @guarded
    def _look_at_a_layer(self, layer: str, module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        if torch.is_grad_enabled() and not _is_being_transformed():
            self._timed(lambda: self._send(of_activations(module, output), layer))

    @guarded
    def _look_at_the_output(self, _module: Any, _inputs: Any, output: Any) -> None:
        if torch.is_grad_enabled() and not _is_being_transformed():
            self._timed(lambda: self._send(of_output(output)))

    def _stop_looking_at_the_pass(self) -> None:
        passing, self._passing = self._passing, []
        for remove in passing:
            remove()

    def _send(self, statistics: Statistics, layer: str = "") -> None:
        if not statistics:
            return
        names, step, run = list(statistics), self._next, self._run
        self._readback.send(
            torch.stack([value.to(torch.float32) for value in statistics.values()]),
            lambda numbers: run.log(dict(zip(names, numbers, strict=True)), step=step, layer=layer),
        )

    def _send_norms(self, signal: str, scale: Any = None) -> None:
        vector, layers, read = self._norms.ask()
        if vector is None:
            return
        self._device_bytes += read
        is_whole = signal == "grad_norm"
        if scale is not None:
            vector = torch.cat([vector, scale.detach().reshape(1).to(vector.device, torch.float32)])
        step, run, norms = self._next, self._run, self._norms

        def take(numbers: list[float]) -> None:
            of_scale = numbers.pop() if scale is not None else 1.0
            total, told = norms.told(layers, numbers, of_scale)
            run.log({signal: total, **({"loss_scale": of_scale} if is_whole and scale is not None else {})}, step=step)
            for layer, norm in told.items() if is_whole else ():
                run.log({signal: norm}, step=step, layer=layer)

        self._readback.send(vector, take)

    def _send_updates(self) -> None:
        vector, places = self._updates.after()
        if vector is None:
            return
        step, run = self._next, self._run

        def take(numbers: list[float]) -> None:
            total, of_layers = ratios(places, numbers)
            if total is not None:
                run.log({"update_ratio": total}, step=step)
            for layer, ratio in of_layers.items():
                run.log({"update_ratio": ratio}, step=step, layer=layer)

        self._readback.send(vector, take)

    def _learning_rate(self) -> dict[str, float]:
        rates = [group.get("lr") for optimizer in self._optimizers for group in optimizer.param_groups]
        known = [float(rate) for rate in rates if isinstance(rate, (int, float))]
        return {"learning_rate": max(known)} if known else {}


def _tell_first_gradient(watcher: weakref.ref[Watcher]) -> None:
    known = watcher()
    if known is not None:
        known._first_gradient()


def _is_compiled(model: Any) -> bool:
    return hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None) is not None


def _is_being_compiled() -> bool:
    """Return whether what runs now is being recorded, to be run later without us (torch.compile, CUDA graphs)."""
    if torch.compiler.is_compiling():
        return True
    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())


def _is_being_transformed() -> bool:
    """Return whether a transform of `torch.func` runs (vmap, grad), whose tensors have no memory of their own."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _is_in_backward() -> bool:
    return bool(torch._C._current_graph_task_id() != -1)


def _scale_left_to(optimizer: Any) -> Any:
    """Return the loss scale that a fused optimizer takes out of the gradients itself; None where it is out already."""
    scale = getattr(optimizer, "grad_scale", None)
    return scale if torch.is_tensor(scale) else None

"""What a PyTorch training script holds: a run whose steps are watched by hooks."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

import torch

from runvitals.client.advice import Advice
from runvitals.client.run import Run
from runvitals.client.warning import warn
from runvitals.client.watch import watch as watch_run
from runvitals.training.torch.parameters import unwrapped_optimizer
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.watcher import Watcher, WatchSettings


class StepWatcher(Protocol):
    """What sees the steps go by."""

    @property
    def step(self) -> int:
        """The step that is being made, or was the last."""

    def begin_step(self, step: int, inputs: tuple[Any, ...]) -> None:
        """Begin the step of this number."""

    def interrupt(self) -> None:
        """Leave the time since the last step out of what is told of the next."""

    def detach(self) -> None:
        """Remove the hooks."""


class TorchRun:
    """One rank of a run, and the hooks on its model and optimizer. Made by `watch`; a context manager that closes it.

    As `runvitals.Run`, no method raises, waits, or changes what is computed. A value on a device is copied beside the
    computation and recorded as soon as it has arrived, under the step in which it was logged.
    """

    def __init__(self, run: Run, watcher: StepWatcher | None, readback: Readback) -> None:
        self._run, self._watcher, self._readback = run, watcher, readback
        self._logged = 0

    @property
    def step(self) -> int:
        """The step that is being made, or was the last: optimizer steps, counted from `first_step`."""
        return self._watcher.step if self._watcher else self._logged

    @property
    def is_recording(self) -> bool:
        """False once the run is closed, and where no ring could be made."""
        return self._run.is_recording

    def log(
        self, values: Mapping[str, Any] | None = None, /, *, step: int | None = None, layer: str = "", **scalars: Any
    ) -> None:
        """Record scalars of a step (default: the one that is being made, or was the last), as `Run.log` does.

        Tensors of one element may be on a device.
        """
        try:
            at = self.step if step is None else step
            self._logged = at
            host = {}
            for name, value in {**(values or {}), **scalars}.items():
                if torch.is_tensor(value) and value.device.type != "cpu" and value.numel() == 1:
                    self._send(name, value, at, layer)
                else:
                    host[name] = value
            self._readback.deliver()
            if host:
                self._run.log(host, step=at, layer=layer)
        except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
            warn("a value was not recorded", error)

    def mark(self, kind: str, text: str = "", *, step: int | None = None) -> None:
        """Record an event of a step, as `Run.mark` does."""
        self._run.mark(kind, text, step=self.step if step is None else step)

    def advice(self) -> tuple[Advice, ...]:
        """Return what is open on this run and rank, as `Run.advice` does."""
        return self._run.advice()

    def begin_step(self, step: int, inputs: tuple[Any, ...] = ()) -> None:
        """Say that the step of this number begins, and what goes in where the model does not show it.

        For loops that number their steps, may leave one out, or go round the model's `forward`. Without it steps are
        counted as the optimizer makes them.
        """
        if self._watcher:
            self._watcher.begin_step(step, inputs)
        else:
            self._logged = step

    def interrupt(self) -> None:
        """Say that something else was done since the last step, such as an evaluation: the next's time is untold."""
        if self._watcher:
            self._watcher.interrupt()

    def detach(self) -> None:
        """Remove the hooks; the run can still be logged to."""
        if self._watcher:
            self._watcher.detach()

    def close(self) -> None:
        """Remove the hooks, and say that the run has finished."""
        self._finish()
        self._run.close()

    def __enter__(self) -> TorchRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish()
        self._run.__exit__(kind, error, traceback)

    def _finish(self) -> None:
        try:
            self.detach()
            self._readback.deliver()
        except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
            warn("the hooks could not be removed", error)

    def _send(self, name: str, value: Any, step: int, layer: str) -> None:
        run = self._run
        self._readback.send(value.reshape(1), lambda numbers: run.log({name: numbers[0]}, step=step, layer=layer))


_watchers: weakref.WeakKeyDictionary[torch.nn.Module, weakref.ref[Watcher]] = weakref.WeakKeyDictionary()


def _leave(model: torch.nn.Module, run: Run) -> None:
    """Take the hooks of this run off the model: a cell of a notebook is run again, and would see each step twice."""
    known = _watchers.get(model)
    former = known() if known else None
    if former is not None and former.is_of(run):
        former.detach()


def watch(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | Iterable[torch.optim.Optimizer],
    *,
    run: str,
    criterion: torch.nn.Module | None = None,
    scaler: Any = None,
    rank: int | str | None = None,
    world_size: int | None = None,
    every: int | None = None,
    max_layers: int = 16,
    first_step: int = 0,
    gradient_change: bool = False,
) -> TorchRun:
    """Watch a training loop from now on; steps are optimizer steps.

    Recorded by itself: gradient norm before and after clipping, of everything and of up to `max_layers` layers and
    the worst; update ratio; dead and saturated activations; mean and deviation of input and output; learning rate;
    `step_seconds`, `data_seconds`, `compute_seconds`; the loss where `criterion` is the module that computes it, the
    loss scale where `scaler` is the `GradScaler`. Where the norms come from a rank's shard (FSDP), they are those of
    the shard.

    Several `optimizer`s are given in the order in which they step; the step of the last one ends the step. What is done
    under `torch.no_grad()`, a CUDA graph that is captured, and transforms of `torch.func` are no part of a step.

    Each so many steps are looked at closely that the cost stays below half a per cent of the time, or each `every`
    steps. `first_step` is the number of the next step, of a run that is resumed. With `gradient_change` the gradient of
    a step that is looked at is compared with that of the step before, as a vector (`grad_change_ratio`, on which the
    explosion probability of the next step rests then): that takes a copy of all gradients, as much memory again as
    they do. `rank` and `world_size` as in
    `runvitals.watch`. A model that this run watches already is watched anew. Never raises: what cannot be hooked is
    not watched, with one warning.
    """
    recorder = watch_run(run, rank=rank, world_size=world_size)
    readback = Readback(recorder)
    if criterion is not None and not isinstance(criterion, torch.nn.Module):
        warn("the loss is not recorded: criterion must be a module such as nn.CrossEntropyLoss(); or log it yourself")
        criterion = None
    watcher = None
    try:
        given = [optimizer] if isinstance(optimizer, torch.optim.Optimizer) else list(optimizer)
        optimizers = [unwrapped_optimizer(one) for one in given]
        scaler = scaler or next((found for one in given if (found := getattr(one, "scaler", None))), None)
        settings = WatchSettings(every, max_layers, first_step, gradient_change)
        _leave(model, recorder)
        watcher = Watcher(recorder, readback, model, optimizers, criterion, scaler, settings)
        watcher.attach()
        _watchers[model] = weakref.ref(watcher)
    except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
        warn("the model is not watched; what is logged is recorded", error)
        with suppress(Exception):  # a hook that cannot be removed either
            if watcher:
                watcher.detach()
        return TorchRun(recorder, None, readback)
    return TorchRun(recorder, watcher, readback)

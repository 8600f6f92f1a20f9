"""Acting on open findings: what a training loop may be told to do by itself, and nothing that it was not told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch

from runvitals.client.advice import Advice
from runvitals.client.warning import warn

CHECKPOINT, LOWER, SKIP, STOP = "checkpoint", "lower_learning_rate", "skip_batch", "stop"
ACTIONS = (CHECKPOINT, LOWER, SKIP, STOP)
MAX_REMEMBERED = 4096
"""Findings that were acted upon; of a run with more, the oldest have long been closed."""
_RATES = ("lr", "initial_lr", "max_lr", "min_lr", "base_lr")
"""What an optimizer's group holds as learning rates, for itself and for schedulers."""


class Todo(NamedTuple):
    """What is left for the loop to do at this step."""

    skip_batch: bool = False
    stop: bool = False


class AdvisedRun(Protocol):
    """A run that is advised: `runvitals.Run`, or what `watch` of this package returns."""

    def advice(self) -> tuple[Advice, ...]:
        """Return what is open."""

    def mark(self, kind: str, text: str = "", *, step: int | None = None) -> None:
        """Record an event."""


class Actions:
    """Does, once for each finding, what `actions` names for its fault; each is marked in the run, and so journalled.

        actions = Actions(run, {"gradient_explosion_likely": ["checkpoint", "lower_learning_rate"]},
                          checkpoint=lambda step: torch.save(state(), f"{step}.pt"), optimizer=optimizer)
        for step, batch in enumerate(loader):
            todo = actions.apply(step)
            if todo.stop:
                break
            if todo.skip_batch:
                continue

    `checkpoint` is called with the step. The learning rates of `optimizer` are multiplied by `factor`, those from which
    `scheduler` computes as well. `skip_batch` skips one batch, the next; `stop` asks to stop from then on. The sidecar
    must have been told to advise. Raises ValueError for an action that does not exist or lacks what it needs; `apply`
    never raises.
    """

    def __init__(
        self,
        run: AdvisedRun,
        actions: Mapping[str, Sequence[str]],
        *,
        checkpoint: Callable[[int], object] | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        scheduler: Any = None,
        factor: float = 1.0 / 3.0,
    ) -> None:
        self._run = run
        self._actions = {fault: tuple(names) for fault, names in actions.items()}
        self._checkpoint, self._optimizer, self._scheduler, self._factor = checkpoint, optimizer, scheduler, factor
        self._done: dict[str, None] = {}
        self._is_stopping = False
        self._check()

    def apply(self, step: int) -> Todo:
        """Act on what has opened since the last call. To be called once a step, before the batch is used."""
        skips = False
        try:
            for advice in self._run.advice():
                if advice.fault in self._actions and advice.id not in self._done:
                    self._remember(advice.id)
                    names = self._actions[advice.fault]
                    skips = skips or SKIP in names
                    self._is_stopping = self._is_stopping or STOP in names
                    for name in names:
                        self._act(name, advice, step)
        except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
            warn("an action was not taken", error)
        return Todo(skips, self._is_stopping)

    def _act(self, name: str, advice: Advice, step: int) -> None:
        try:
            said = self._take(name, step)
        except Exception as error:  # noqa: BLE001 - a disk that is full must not end the training
            warn(f"the action {name} on {advice.fault} failed", error)
            said = f"failed: {type(error).__name__}"
        self._run.mark("action", f"{advice.id} {name} on {advice.fault}: {said}", step=step)

    def _take(self, name: str, step: int) -> str:
        """Do what is to be done here, and return what was done."""
        if name == CHECKPOINT and self._checkpoint is not None:
            self._checkpoint(step)
            return "saved"
        if name == LOWER and self._optimizer is not None:
            before = [float(group["lr"]) for group in self._optimizer.param_groups]
            _scale(self._optimizer, self._scheduler, self._factor)
            return f"from {max(before):.4g} to {max(before) * self._factor:.4g}"
        return "told to the loop"

    def _remember(self, identity: str) -> None:
        self._done[identity] = None
        if len(self._done) > MAX_REMEMBERED:
            del self._done[next(iter(self._done))]

    def _check(self) -> None:
        named = {name for names in self._actions.values() for name in names}
        if named - set(ACTIONS):
            raise ValueError(
                f"no such action: {', '.join(sorted(named - set(ACTIONS)))}; there are {', '.join(ACTIONS)}"
            )
        if CHECKPOINT in named and self._checkpoint is None:
            raise ValueError(f"{CHECKPOINT} needs checkpoint=, a function of the step")
        if LOWER in named and self._optimizer is None:
            raise ValueError(f"{LOWER} needs optimizer=")
        if not 0.0 < self._factor < 1.0:
            raise ValueError(f"factor must be above 0 and below 1, not {self._factor}")


def _scale(optimizer: torch.optim.Optimizer, scheduler: Any, factor: float) -> None:
    """Multiply all learning rates; a tensor is changed in place, where a captured graph reads it."""
    for group in optimizer.param_groups:
        for name in _RATES:
            rate = group.get(name)
            if isinstance(rate, torch.Tensor):
                rate.mul_(factor)
            elif isinstance(rate, (int, float)):
                group[name] = rate * factor
    if isinstance(getattr(scheduler, "base_lrs", None), list):
        scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]

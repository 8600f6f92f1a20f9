"""Acting on open findings in a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from runvitals.training.actions import (
    CHECKPOINT,
    DEFAULT_FACTOR,
    LOWER,
    SKIP,
    STOP,
    ActionPlan,
    AdvisedRun,
    checked_factor,
)
from runvitals.training.torch.learning_rates import lower


class Todo(NamedTuple):
    """What is left for the loop to do at this step."""

    skip_batch: bool = False
    stop: bool = False


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

    A rank is advised of its own findings. Where several train one model, act on one, and have it tell the others.
    """

    def __init__(
        self,
        run: AdvisedRun,
        actions: Mapping[str, Sequence[str]],
        *,
        checkpoint: Callable[[int], object] | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        scheduler: Any = None,
        factor: float = DEFAULT_FACTOR,
    ) -> None:
        self._run, self._plan = run, ActionPlan(actions)
        self._checkpoint, self._optimizer, self._scheduler = checkpoint, optimizer, scheduler
        self._factor = checked_factor(factor)
        self._skips = self._is_stopping = False
        self._means = {CHECKPOINT: self._save, LOWER: self._lower, SKIP: self._skip, STOP: self._stop}
        if CHECKPOINT in self._plan.names and checkpoint is None:
            raise ValueError(f"{CHECKPOINT} needs checkpoint=, a function of the step")
        if LOWER in self._plan.names and optimizer is None:
            raise ValueError(f"{LOWER} needs optimizer=")

    def apply(self, step: int) -> Todo:
        """Act on what has opened since the last call. To be called once a step, before the batch is used."""
        self._skips = False
        self._plan.apply(self._run, step, self._means)
        return Todo(self._skips, self._is_stopping)

    def _save(self, step: int) -> str:
        if self._checkpoint is not None:
            self._checkpoint(step)
        return "saved"

    def _lower(self, _step: int) -> str:
        return lower([self._optimizer], [self._scheduler], self._factor)

    def _skip(self, _step: int) -> str:
        self._skips = True
        return "told to the loop"

    def _stop(self, _step: int) -> str:
        self._is_stopping = True
        return "told to the loop"

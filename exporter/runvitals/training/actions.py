"""Acting on open findings: what a training may be told to do by itself, and nothing that it was not told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from runvitals.client.advice import Advice
from runvitals.client.warning import warn

CHECKPOINT, LOWER, SKIP, STOP = "checkpoint", "lower_learning_rate", "skip_batch", "stop"
ACTIONS = (CHECKPOINT, LOWER, SKIP, STOP)
MAX_REMEMBERED = 4096
"""Findings that were acted upon; of a run with more, the oldest have long been closed."""
DEFAULT_FACTOR = 1.0 / 3.0

Means = Mapping[str, Callable[[int], str]]
"""How each action is taken: a function of the step that returns what it did."""


class AdvisedRun(Protocol):
    """A run that is advised: `runvitals.Run`, or what `watch` of a framework's package returns."""

    def advice(self) -> tuple[Advice, ...]:
        """Return what is open."""

    def mark(self, kind: str, text: str = "", *, step: int | None = None) -> None:
        """Record an event."""


class ActionPlan:
    """Which actions are taken on which fault: each once for each finding, and marked in the run, so journalled.

    Raises ValueError for an action that does not exist, or is none of those `possible` where it would be taken.
    """

    def __init__(
        self, actions: Mapping[str, Sequence[str]], possible: Collection[str] = ACTIONS, where: str = "this loop"
    ) -> None:
        self._actions = {fault: _checked(names, possible, where) for fault, names in actions.items()}
        self._done: dict[str, None] = {}

    @property
    def names(self) -> set[str]:
        """The actions that may be taken."""
        return {name for names in self._actions.values() for name in names}

    def apply(self, run: AdvisedRun, step: int, means: Means) -> None:
        """Act on what has opened since the last call; never raises."""
        if not self._actions:
            return
        try:
            for advice in run.advice():
                if advice.fault in self._actions and advice.id not in self._done:
                    self._remember(advice.id)
                    for name in self._actions[advice.fault]:
                        _act(run, name, advice, step, means)
        except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
            warn("an action was not taken", error)

    def _remember(self, identity: str) -> None:
        self._done[identity] = None
        if len(self._done) > MAX_REMEMBERED:
            del self._done[next(iter(self._done))]


def checked_factor(factor: float) -> float:
    """Return what learning rates are multiplied by. Raises ValueError where that would not lower them."""
    if not 0.0 < factor < 1.0:
        raise ValueError(f"factor must be above 0 and below 1, not {factor}")
    return factor


def _checked(names: Sequence[str], possible: Collection[str], where: str) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = sorted(set(names) - set(ACTIONS))
    if unknown:
        raise ValueError(f"no such action: {', '.join(unknown)}; there are {', '.join(ACTIONS)}")
    refused = sorted(set(names) - set(possible))
    if refused:
        raise ValueError(f"{where} cannot be told to {', '.join(refused)}; it can {', '.join(possible)}")
    return names


def _act(run: AdvisedRun, name: str, advice: Advice, step: int, means: Means) -> None:
    try:
        said = means[name](step)
    except Exception as error:  # noqa: BLE001 - a disk that is full must not end the training
        warn(f"the action {name} on {advice.fault} failed", error)
        said = f"failed: {type(error).__name__}"
    run.mark("action", f"{advice.id} {name} on {advice.fault}: {said}", step=step)

"""What the callbacks of frameworks have in common: settings, the run and its end, and acting on findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from runvitals.client.warning import warn
from runvitals.training.actions import ACTIONS, ActionPlan, Means, checked_factor
from runvitals.training.off_switch import OffSwitch

Actions = Mapping[str, Sequence[str]]
"""What is to be done, by the fault on which it is."""


class FrameworkCallback(OffSwitch):
    """Base of the callbacks, beside the framework's own.

    `framework` is what errors call it; `possible` is what it can be told to do about findings. Raises ValueError for
    an action that is not.
    """

    framework = "this framework"
    possible: tuple[str, ...] = ACTIONS

    def __init__(
        self,
        run: str | None,
        *,
        every: int | None,
        max_layers: int,
        actions: Actions | None,
        factor: float,
        **others: Any,
    ) -> None:
        super().__init__()
        self._name, self._every, self._max_layers, self._factor = run, every, max_layers, checked_factor(factor)
        self._plan = ActionPlan(actions or {}, self.possible, self.framework)
        self._settings = {"every": every, "max_layers": max_layers, "actions": actions, "factor": factor, **others}
        self._has_peers = False

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, for instance for a worker process, begins anew.
        return partial(type(self), self._name, **self._settings), ()

    def _begin(self, run: Any, *, made: int, first: int, processes: int) -> None:
        """Take the run, which goes on after `made` steps with the step `first`."""
        self._run, self._has_peers = run, processes > 1
        if made:
            run.mark("resume", f"from step {made}", step=first)
        if self._has_peers and self._plan.names:
            warn(f"no action is taken: of {processes} processes each would act on its own findings, and part with them")

    def _end_the_one_before(self) -> None:
        """End the run of a training that an exception or an interrupt broke off, where the framework tells no end."""
        if self._run is not None or self._undo:
            self._end()

    def _act(self, step: int, means: Means) -> None:
        """Act on what has opened."""
        if self._run is not None and not self._has_peers:
            self._plan.apply(self._run, step, means)

    def _end(self, error: BaseException | None = None) -> None:
        """Close the run, also where the hooks are off: how the training ended is known all the same."""
        run, self._run = self._run, None
        undo, self._undo = self._undo, []
        for one in undo:
            with suppress(Exception):  # nothing may raise into the user's code
                one()
        if run is not None:
            run.__exit__(None if error is None else type(error), error, None)

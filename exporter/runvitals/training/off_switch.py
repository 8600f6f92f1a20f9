"""What goes wrong in a hook turns the hooks off, with one warning, and never reaches the user."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from runvitals.client.warning import warn

UNWATCHED = "unwatched"
"""The kind of the mark that says so."""

Method = TypeVar("Method", bound=Callable[..., None])


class OffSwitch:
    """Holds what undoes each hook; base of what has hooks. `name` is what the warning calls it."""

    name = "the hooks"

    def __init__(self) -> None:
        self.is_on = True
        self._run: Any = None
        """The run that is told when they turn off, once there is one."""
        self._undo: list[Callable[[], object]] = []
        self._undo_later: list[Callable[[], object]] = []
        """Of hooks that cannot be removed while one of them runs: they stay, and do nothing, until `detach`."""

    def __reduce__(self) -> tuple[Callable[[type[OffSwitch]], OffSwitch], tuple[type[OffSwitch]]]:
        # A copy of what is hooked, a checkpoint or an average of the weights, takes copies of its hooks: they are off.
        return _switched_off, (type(self),)

    def detach(self) -> None:
        """Remove every hook; may be called again."""
        self._undo_what_can_be()
        undo, self._undo_later = self._undo_later, []
        for one in undo:
            one()

    def turn_off(self, error: Exception) -> None:
        """Remove the hooks, and say once why."""
        if self.is_on:
            warn(f"{self.name} are off from here on", error)
            with suppress(Exception):
                self._mark_off(error)
        with suppress(Exception):  # nothing may raise into the user's code
            self._undo_what_can_be()

    def _mark_off(self, error: Exception) -> None:
        """Tell the sidecar, for which a run that falls silent would hang."""
        if self._run is not None:
            self._run.mark(UNWATCHED, f"{self.name} are off from here on: {type(error).__name__}")

    def _undo_what_can_be(self) -> None:
        self.is_on = False
        undo, self._undo = self._undo, []
        for one in undo:
            one()


def _switched_off(kind: type[OffSwitch]) -> OffSwitch:
    copy = kind.__new__(kind)
    OffSwitch.__init__(copy)
    copy.is_on = False
    return copy


def guarded(method: Method) -> Method:
    """Let a method of an `OffSwitch` do nothing once it is off, and turn it off where it raises."""

    @functools.wraps(method)
    def call(self: OffSwitch, *arguments: Any, **keywords: Any) -> None:
        if not self.is_on:
            return
        try:
            method(self, *arguments, **keywords)
        except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
            self.turn_off(error)

    return call  # type: ignore[return-value]

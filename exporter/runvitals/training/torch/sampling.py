"""Which steps are looked at closely: as many as the budget allows."""

from __future__ import annotations

from math import ceil

_SMOOTHING = 0.2
_DEVICE_BYTES_PER_SECOND = 1e12
"""What an accelerator reads of its memory in a second, with room to spare: current ones manage several times that."""


class Sampling:
    """Decides by cost: what looking closely takes, spread over the steps between, stays below a share of the time.

    With `every` it is each so many steps instead, whatever that takes.
    """

    def __init__(self, every: int | None, share: float = 0.005, longest: int = 100) -> None:
        self._share, self._longest = share, longest
        self._every = every
        self._cost: float | None = None
        self._step_seconds: float | None = None
        self._next = 0

    def is_due(self, step: int) -> bool:
        """Return whether the step, counted from 0, is one to look at."""
        return step >= self._next

    def looked(self, step: int, seconds: float, device_bytes: int = 0) -> None:
        """Note that a step was looked at, and what it took: time of the host, memory of a device that was read."""
        cost = seconds + device_bytes / _DEVICE_BYTES_PER_SECOND
        # The first time is dear, since kernels are loaded; it counts only until there is another.
        self._cost = cost if self._cost is None or step < 2 else _smoothed(self._cost, cost)
        self._next = step + self.period

    def stepped(self, seconds: float) -> None:
        """Note how long a step took."""
        self._step_seconds = seconds if self._step_seconds is None else _smoothed(self._step_seconds, seconds)

    @property
    def period(self) -> int:
        """Steps from one that is looked at to the next."""
        if self._every is not None:
            return self._every
        if not self._cost or not self._step_seconds:
            return 1
        return min(max(ceil(self._cost / (self._share * self._step_seconds)), 1), self._longest)


def _smoothed(old: float, new: float) -> float:
    return old + _SMOOTHING * (new - old)

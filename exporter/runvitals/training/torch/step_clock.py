"""Where the time of a step goes, by the host's clock: nothing here waits for a device."""

from __future__ import annotations

import time


class StepClock:
    """Takes the moments of a step in their order: forward, first gradient, backward, optimizer.

    Where gradients are accumulated, the first three come several times.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._idle_since: float | None = None
        self._forward: float | None = None
        self._data: float | None = None
        self._compute: float | None = None

    def evaluation(self) -> None:
        """The model works without gradients: what the loop did since the last moment was no waiting for data."""
        self._idle_since = None

    def forward(self) -> None:
        """The model begins to work on a batch: since the last moment the loop waited for it."""
        now = time.perf_counter()
        if self._idle_since is not None:
            self._data = (self._data or 0.0) + now - self._idle_since
        self._idle_since, self._forward = None, now

    def first_gradient(self) -> None:
        """The first gradient is there; nothing has been exchanged between ranks yet."""
        if self._forward is not None:
            self._compute = (self._compute or 0.0) + time.perf_counter() - self._forward
            self._forward = None

    def backward(self) -> None:
        """All gradients of the batch are there."""
        self._idle_since = time.perf_counter()

    def optimizer(self) -> None:
        """The optimizer begins: what the loop did since the last gradient was no waiting for data."""
        self._idle_since = None

    def step(self) -> dict[str, float]:
        """The optimizer is done: return the step's durations in seconds, those that are known.

        None is for the first step, which has no beginning.
        """
        now = time.perf_counter()
        began, self._began = self._began, now
        parts = {"data_seconds": self._data, "compute_seconds": self._compute}
        self._data = self._compute = None
        self._idle_since, self._forward = now, None
        if began is None:
            return {}
        return {"step_seconds": now - began, **{name: value for name, value in parts.items() if value is not None}}

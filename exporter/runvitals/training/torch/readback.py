"""Bringing numbers from a device to the host without ever waiting for it."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from typing import Any

import torch

from runvitals.client.run import Run

MAX_WAITING = 8
"""Copies on their way; a device that is further behind than that loses the newest."""

Taker = Callable[[list[float]], None]


class Readback:
    """Copies vectors of a device into pinned memory, and hands them on once they have arrived.

    Nothing here synchronises: the host's memory is read as such, after the event behind the copy has come. On the
    CPU a vector is there at once. What cannot be handed on is counted in the run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: deque[tuple[Any, Any, Taker]] = deque()
        self._spare: dict[int, list[Any]] = {}

    def send(self, vector: Any, taker: Taker) -> None:
        """Have `taker` called with the numbers of a vector of one dimension, now or at a later `deliver`."""
        vector = vector.detach().to(torch.float32)
        if vector.device.type == "cpu":
            taker(_numbers(vector.contiguous()))
        elif vector.device.type != "cuda":  # of others it is not known how to tell whether a copy has arrived
            self._run.count_skipped("device_value", vector.numel())
        elif len(self._waiting) >= MAX_WAITING:
            self._run.count_skipped("device_behind", vector.numel())
        else:
            self._copy(vector, taker)

    def deliver(self) -> None:
        """Hand on what has arrived, in the order in which it was sent."""
        while self._waiting and self._waiting[0][1].query():
            buffer, _, taker = self._waiting.popleft()
            taker(_numbers(buffer))
            self._spare.setdefault(buffer.numel(), []).append(buffer)

    def _copy(self, vector: Any, taker: Taker) -> None:
        spare = self._spare.get(vector.numel())
        buffer = spare.pop() if spare else torch.empty(vector.numel(), dtype=torch.float32, pin_memory=True)
        buffer.copy_(vector, non_blocking=True)
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(vector.device))
        self._waiting.append((buffer, event, taker))


def _numbers(vector: Any) -> list[float]:
    """Read the memory of a vector on the host."""
    return list((ctypes.c_float * vector.numel()).from_address(vector.data_ptr()))

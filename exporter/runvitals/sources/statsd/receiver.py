"""Listening on several datagram sockets for a while, at a bounded cost."""

from __future__ import annotations

import math
import select
from collections.abc import Callable, Iterable

from runvitals.sources.statsd.reasons import Reason
from runvitals.sources.statsd.sockets import Datagram, DatagramSocket
from runvitals.sources.statsd.tick import Tick

_BATCH = 256
"""Datagrams taken from one socket before the other socket and the clock are looked at again."""
_FEW = 32
_PAUSE_SECONDS = 0.02
"""After few datagrams UDP is left to gather for so long, as waking up costs more than reading; stamps are as coarse."""


class Receiver:
    """Hands datagrams to a tick until a time is over or `woken`, a descriptor, has something to read.

    Once the tick is full, UDP is not read any more: the kernel drops a flood for less than we can, and counts it. A
    Unix socket is always read at once, since its senders wait for room, and a training process must not.
    """

    def __init__(self, sockets: Iterable[DatagramSocket], woken: int, clock: Callable[[], float]) -> None:
        self._sockets = {opened.fileno(): opened for opened in sockets}
        self._woken = woken
        self._clock = clock
        self._poller = select.poll()
        for descriptor in (woken, *self._sockets):
            self._poller.register(descriptor, select.POLLIN)
        self._resume = -math.inf

    def receive(self, tick: Tick, now: float, start: float, end: float) -> None:
        """Listen until `end`. `start` and `end` are monotonic, `now` is Unix time at `start`, in seconds."""
        while (at := self._clock()) < end:
            ready = self._wait(at, end)
            if self._woken in ready:
                return
            arrived = now + self._clock() - start
            taken = [self._take_batch(self._sockets[descriptor], tick, arrived) for descriptor in ready]
            if tick.full:
                self._resume = end
            elif taken and max(taken) < _FEW:
                self._resume = self._clock() + _PAUSE_SECONDS

    def _wait(self, at: float, end: float) -> list[int]:
        """Return the descriptors that have something to read."""
        paused = at < self._resume
        for descriptor, opened in self._sockets.items():
            if opened.lossy:
                self._poller.modify(descriptor, 0 if paused else select.POLLIN)
        until = min(end, self._resume) if paused else end
        return [descriptor for descriptor, _ in self._poller.poll(math.ceil((until - at) * 1000))]

    def _take_batch(self, opened: DatagramSocket, tick: Tick, time: float) -> int:
        """Take at most a batch; return how many datagrams it was."""
        for count in range(_BATCH):
            if tick.full and opened.lossy:
                return count
            try:
                datagram = opened.receive()
            except OSError:
                tick.reject(Reason.RECEIVE_ERROR)
                return count
            if datagram is None:
                return count
            _take(datagram, tick, time)
        return _BATCH


def _take(datagram: Datagram, tick: Tick, time: float) -> None:
    if datagram.dropped:
        tick.rejected[Reason.KERNEL_DROP] += datagram.dropped
    if datagram.truncated:
        tick.reject(Reason.DATAGRAM_TOO_LARGE)
    else:
        tick.take_datagram(datagram.payload, time)

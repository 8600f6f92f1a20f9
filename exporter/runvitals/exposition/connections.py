"""Clients' connections and what they may cost: a deadline for each request, a limit on its size and on their number.

Each connection passes what happens on to an inner protocol, which speaks HTTP and knows nothing of deadlines.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import Enum
from typing import Protocol, cast

from runvitals.exposition.settings import WebSettings

_RESET = struct.pack("ii", 1, 0)


class Phase(Enum):
    """What a connection is at."""

    READING = "reading"
    ANSWERING = "answering"
    IDLE = "idle"


class Counted(Protocol):
    """A connection, before it speaks HTTP or after."""

    @property
    def is_answering(self) -> bool:
        """True while an answer is on the way."""

    def priority(self) -> tuple[bool, float]:
        """Return the order in which connections are given up."""

    def drop(self) -> None:
        """Close it at once."""


class Connections:
    """The open connections. One that exceeds the limit displaces the one that has kept us waiting longest."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.live = 0
        """How many connections asyncio still has, those included that have been given up."""
        self._open: dict[asyncio.BaseTransport, Counted] = {}

    def guard(self, inner: asyncio.Protocol) -> Connection:
        """Return a protocol for one connection that holds its client to the limits and passes the rest to `inner`."""
        return Connection(inner, self)

    def of(self, transport: asyncio.BaseTransport | None) -> Connection | None:
        """Return the connection of a transport, None if it is gone."""
        found = self._open.get(transport) if transport is not None else None
        return found if isinstance(found, Connection) else None

    def add(self, transport: asyncio.BaseTransport, connection: Counted) -> None:
        """Take a connection in, and give one up if there are too many now."""
        if len(self._open) >= self.settings.max_connections:
            min(self._open.values(), key=lambda one: one.priority()).drop()
        self._open[transport] = connection

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection."""
        self._open.pop(transport, None)

    def is_answering(self) -> bool:
        """Say whether an answer is on the way to anyone."""
        return any(connection.is_answering for connection in self._open.values())

    def drop_all(self) -> None:
        """Close every connection at once."""
        for connection in list(self._open.values()):
            connection.drop()


class Connection(asyncio.Protocol):
    """One client's connection.

    A request's time runs from its first byte (of the first one: from the connection's start) until its answer has been
    written. The one who answers says so with `answering` and `answered`.
    """

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self._inner = inner
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._received = 0
        self._since = 0.0
        self._phase = Phase.IDLE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in; its first request begins."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.live += 1
        self._begin(Phase.READING)
        self._connections.add(transport, self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what the client sent, unless it is more than a request may have."""
        if self._phase is Phase.IDLE:
            self._begin(Phase.READING)
        self._received += len(data)
        if self._received > self._connections.settings.max_request_bytes:
            self.drop()
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client does not read fast enough."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the connection go."""
        self._cancel_deadline()
        if self._transport is not None:
            self._connections.remove(self._transport)
            self._connections.live -= 1
            self._transport = None
        self._inner.connection_lost(exc)

    def answering(self) -> None:
        """Note that a request has been read: its answer is on the way. A pipelined one begins here."""
        if self._phase is Phase.READING:
            self._phase = Phase.ANSWERING
        else:
            self._begin(Phase.ANSWERING)
        self._received = 0

    def answered(self) -> None:
        """Note that the answer has been written: the client may send its next request."""
        self._begin(Phase.IDLE)

    def drop(self) -> None:
        """Close the connection at once, whatever is still to be read or written."""
        if self._transport is None:
            return
        if self.is_answering:  # else the kernel would go on offering the answer to a client that does not take it
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._connections.remove(self._transport)
        self._transport.abort()

    @property
    def is_answering(self) -> bool:
        """True from a request's last byte until its answer has been written."""
        return self._phase is Phase.ANSWERING

    def priority(self) -> tuple[bool, float]:
        """Return the order in which connections are given up: the longest waiting first, those being answered last."""
        return self.is_answering, self._since

    def _begin(self, phase: Phase) -> None:
        if self._transport is None:  # the client left before its answer was done
            return
        settings = self._connections.settings
        seconds = settings.idle_timeout_seconds if phase is Phase.IDLE else settings.request_timeout_seconds
        self._phase = phase
        self._received = 0
        self._since = self._loop.time()
        self._cancel_deadline()
        self._deadline = self._loop.call_later(seconds, self.drop)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

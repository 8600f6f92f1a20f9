"""TLS for connections that are held to the same limits while they shake hands as afterwards."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from runvitals.exposition.connections import Connection, Connections


class Handshake(asyncio.Protocol):
    """A connection before it speaks TLS: counted, displaced and given up like one that is slow with its request."""

    is_answering = False

    def __init__(self, connections: Connections, context: ssl.SSLContext, guard: Callable[[], Connection]) -> None:
        self._connections = connections
        self._context = context
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in, and shake hands."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.live += 1
        self._connections.add(transport, self)
        self._transport.pause_reading()
        self._task = self._loop.create_task(self._shake_hands())

    def priority(self) -> tuple[bool, float]:
        """Return the order in which connections are given up, as those do that have got further."""
        return False, self._since

    def drop(self) -> None:
        """Close the connection at once."""
        self._connections.remove(self._transport)
        self._transport.abort()

    async def _shake_hands(self) -> None:
        early = _Early()
        seconds = self._connections.settings.request_timeout_seconds
        try:
            if self._transport.is_closing():  # displaced: asyncio would go on to the end of the time, and keep 256 KiB
                return
            secured = await self._loop.start_tls(
                self._transport, early, self._context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, asyncio.TimeoutError) as error:  # what a client does wrong must not fill the log
            self._transport.abort()
            error.__traceback__ = None  # a circle that keeps 256 KiB: in a flood these would pile up
            return
        finally:
            self._connections.remove(self._transport)
            self._connections.live -= 1
        if secured is not None:
            early.pass_on_to(self._guard(), secured)


class _Early(asyncio.Protocol):
    """Keeps what comes with the last bytes of the handshake until there is somebody to read it."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._has_ended = False
        self._lost: list[Exception | None] = []

    def pass_on_to(self, reader: asyncio.Protocol, transport: asyncio.Transport) -> None:
        """Give everything to a protocol from now on."""
        transport.set_protocol(reader)
        reader.connection_made(transport)
        for data in self._data:
            reader.data_received(data)
        if self._has_ended and not reader.eof_received():
            transport.close()
        for error in self._lost:
            reader.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Keep data."""
        self._data.append(data)

    def eof_received(self) -> bool | None:
        """Keep that the client sends no more."""
        self._has_ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep that the connection is gone."""
        self._lost.append(exc)

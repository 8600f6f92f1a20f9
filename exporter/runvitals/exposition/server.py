"""The web server: a thread with an event loop of its own that answers from finished snapshots."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web

from runvitals.exposition.answer import Answer, Request, sentence
from runvitals.exposition.backend import Backend, ReloadStatus
from runvitals.exposition.connections import Connection, Connections
from runvitals.exposition.handshake import Handshake
from runvitals.exposition.listener import BACKLOG, listen
from runvitals.exposition.routes import Clocks, Routes
from runvitals.exposition.settings import WebSettings
from runvitals.exposition.web_config import Gate

__all__ = ["Backend", "ReloadStatus", "Server", "WebSettings"]

_CLOCKS = Clocks(time.time, time.monotonic)
_CHUNK_BYTES = 65536
_STOP_SECONDS = 0.5
_ACCEPTED_AT_ONCE = 16  # so few that a flood cannot displace who comes with it before that one has been read
_ITERATIONS_TO_ACCEPT = 10  # of the loop: asyncio needs three for what it has accepted, and fails if closed meanwhile
_HEADERS = {
    "Server": "runvitals",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_http_logger = logging.getLogger(f"{__name__}.http")
_http_logger.setLevel(logging.CRITICAL + 1)  # what clients do wrong must not fill the log; Routes logs what we do wrong


class Server:
    """Serves the pages. `start` and `stop` are called once each, from any thread."""

    def __init__(self, settings: WebSettings, backend: Backend, clocks: Clocks = _CLOCKS) -> None:
        self._settings = settings
        self._routes = Routes(backend, settings, clocks)
        self._connections = Connections(settings)
        self._gate = Gate(settings.config_file)
        self._address: tuple[str, int] | None = None
        self._thread: threading.Thread | None = None
        self._listening: socket.socket | None = None
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port that are listened on; raises RuntimeError before `start`."""
        if self._address is None:
            raise RuntimeError("the web server has not been started")
        return self._address

    def start(self) -> None:
        """Listen and answer; returns when connections are accepted. Raises OSError with the remedy if it cannot."""
        self._listening = listening = listen(self._settings.listen_address)
        host, port = listening.getsockname()[:2]
        self._address = host, port
        thread = threading.Thread(target=self._run, args=(listening,), name="runvitals-web", daemon=True)
        thread.start()
        self._started.result()
        self._thread = thread

    def stop(self) -> None:
        """Stop listening, give requests under way half a second, and close every connection."""
        if self._thread is None:
            return
        loop, stopping = self._started.result()
        with suppress(RuntimeError):  # it has stopped already
            loop.call_soon_threadsafe(stopping.set)
        self._thread.join()
        self._gate.close()

    def abandon(self) -> None:
        """In a forked child, which has no thread: close the copy of the socket, which is the parent's."""
        if self._listening is not None:
            self._listening.close()

    def _run(self, listening: socket.socket) -> None:
        try:
            asyncio.run(self._serve(listening))
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        http = web.Server(self._answer, logger=_http_logger, access_log=None, auto_decompress=False, lingering_time=1.0)
        listener = await loop.create_server(
            lambda: self._connection(lambda: self._connections.guard(http())), sock=listening, backlog=_ACCEPTED_AT_ONCE
        )
        listening.listen(BACKLOG)  # asyncio has just set the kernel's queue to its own number
        self._started.set_result((loop, stopping))
        await stopping.wait()
        loop.remove_reader(listening)
        for _ in range(_ITERATIONS_TO_ACCEPT):
            await asyncio.sleep(0)
        listener.close()
        await self._drain()

    def _connection(self, guard: Callable[[], Connection]) -> asyncio.Protocol:
        self._gate.refresh()
        return Handshake(self._connections, self._gate.context, guard) if self._gate.context else guard()

    async def _drain(self) -> None:
        """Let answers under way end, close every connection, and let the loop see that they are closed."""
        await _wait_while(self._connections.is_answering)
        self._connections.drop_all()
        await _wait_while(lambda: self._connections.live > 0)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = self._connections.of(request.transport)
        if connection is not None:
            connection.answering()
        answer = await self._answer_to(request)
        response = await _send(request, answer, self._gate.headers, is_last=self._is_outdated(request.transport))
        if connection is not None:
            connection.answered()
        return response

    async def _answer_to(self, request: web.BaseRequest) -> Answer:
        limit = self._settings.max_request_bytes
        if (request.content_length or 0) > limit:
            return sentence(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may have {limit} bytes at most.")
        self._gate.refresh()
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        refusal = await self._gate.refusal(request.headers.get("Authorization", ""), certificate)
        return refusal or await self._routes.answer(Request(request.method, request.path, request.headers))

    def _is_outdated(self, transport: asyncio.BaseTransport | None) -> bool:
        """Say whether a connection was made before the certificates changed: its client has yet to show one anew."""
        secured = transport.get_extra_info("ssl_object") if transport else None
        return secured is not None and secured.context is not self._gate.context


async def _wait_while(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _STOP_SECONDS
    while condition() and time.monotonic() < until:
        await asyncio.sleep(0.01)


async def _send(
    request: web.BaseRequest, answer: Answer, wished: Mapping[str, str], *, is_last: bool
) -> web.StreamResponse:
    """Write the answer piece by piece as the client reads it, so that one who does not costs little memory."""
    headers = {**_HEADERS, **answer.headers, **wished, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    if is_last:
        response.force_close()
    await response.prepare(request)
    if request.method != "HEAD":
        body = memoryview(answer.body)
        for start in range(0, len(body), _CHUNK_BYTES):
            await response.write(body[start : start + _CHUNK_BYTES])
    await response.write_eof()
    return response

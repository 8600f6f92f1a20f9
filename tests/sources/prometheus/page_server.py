"""Servers of pages for the tests, on real sockets of the loopback address."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from runvitals.sources import build_source
from runvitals.sources.prometheus.settings import PrometheusSettings
from runvitals.sources.prometheus.source import PrometheusSource
from runvitals.values import Poll, Sample

NOW = 1_700_000_000.0
SECONDS = 20.0  # between two polls


class PageServer:
    """Answers every GET with `status`, `headers` and `body`, and keeps what it was asked with."""

    def __init__(self, body: str | bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        self.body: str | bytes = body
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                body = outer.body.encode() if isinstance(outer.body, str) else outer.body
                self.send_response(outer.status)
                for name, value in {"Content-Length": str(len(body)), **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Listener(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that leaves, or fails the handshake, is what some tests are about."""

        self._server = Listener(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "https" if tls else "http"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/metrics"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(body: str | bytes = b"", tls: ssl.SSLContext | None = None) -> Iterator[PageServer]:
    """Serve a page."""
    server = PageServer(body, tls)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve what `talk` sends on each connection; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                Thread(target=_talk, args=(talk, connection), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _talk(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, suppress(OSError):
        connection.recv(65536)
        talk(connection)


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_source(url: str, clock: Callable[[], float] | None = None, **settings: object) -> PrometheusSource:
    """Return a source of the page, its rank `r`."""
    made = PrometheusSettings(url=url, **{"rank": "r", **settings})  # type: ignore[arg-type]
    return PrometheusSource(made, clock=clock) if clock else build_source("prometheus", made)  # type: ignore[return-value]


def values(poll: Poll, run: str | None = None, layer: str = "") -> dict[str, float]:
    """Return the samples of a run and layer by signal."""
    samples = [item for item in poll.items if isinstance(item, Sample)]
    found = [one for one in samples if one.layer == layer and run in (None, one.run)]
    assert len({one.signal for one in found}) == len(found), "one sample of a signal"
    return {one.signal: one.value for one in found}


def zeroed(page: str) -> str:
    """Return the page as it was when the server had counted nothing."""
    return re.sub(r"(?m)^([^#\n{]\S*?(?:\{[^\n]*\})?)[ \t]+\S+$", r"\1 0", page)


def two_polls(before: str | bytes, after: str | bytes, **settings: object) -> Poll:
    """Return what the second of two polls, `SECONDS` apart, says of two pages served one after the other."""
    clock = Clock()
    with serving(before) as server:
        source = make_source(server.url, clock, **settings)
        source.poll(NOW)
        server.body = after
        clock.now += SECONDS
        return source.poll(NOW + SECONDS)

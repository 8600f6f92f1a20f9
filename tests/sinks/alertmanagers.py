"""An HTTP server that keeps what is posted to it and can be out of order: Alertmanager's place, or a webhook's."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.servers import LOOPBACK


class Receiver:
    """What was posted, decoded: for each post that was taken. `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.attempts = 0
        self.posts: list[Any] = []
        self.logins: list[str] = []
        self.port = 0

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [alert for post in self.posts for alert in post]

    def take(self, authorization: str | None, body: bytes) -> None:
        self.attempts += 1
        if authorization:
            self.logins.append(base64.b64decode(authorization.removeprefix("Basic ")).decode())
        if self.status == 200:
            self.posts.append(json.loads(body))


@contextmanager
def receiving(tls: ssl.SSLContext | None = None, path: str = "/api/v2/alerts") -> Iterator[Receiver]:
    """Run such a server on the loopback address."""
    receiver = Receiver()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.take(self.headers["Authorization"], body)
            self.send_response(receiver.status if self.path == path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Answer)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

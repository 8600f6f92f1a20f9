"""A client for the tests: one request over a real connection."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from runvitals.exposition.server import Server

PATIENCE_SECONDS = 60


class Response(NamedTuple):
    """What came back: status, headers by name in any case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def ask(server: Server, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response:
    """Send one request and return its answer."""
    with closing(http.client.HTTPConnection(*server.address, timeout=PATIENCE_SECONDS)) as connection:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())


def ask_tls(
    server: Server, context: ssl.SSLContext, path: str = "/-/healthy", headers: Mapping[str, str] | None = None
) -> Response:
    """Send one request over TLS and return its answer."""
    connection = http.client.HTTPSConnection(*server.address, timeout=PATIENCE_SECONDS, context=context)
    with closing(connection):
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())

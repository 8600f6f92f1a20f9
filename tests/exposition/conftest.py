"""A real web server on a free port for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from runvitals.exposition.server import Server, WebSettings
from tests.exposition.snapshots import FixedBackend, snapshot

Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers with these settings; all are stopped when the test ends."""
    servers = []

    def start(backend: FixedBackend | None = None, **settings: object) -> Server:
        backend = backend if backend is not None else FixedBackend(snapshot())
        server = Server(WebSettings(**({"listen_address": "127.0.0.1:0"} | settings)), backend)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()

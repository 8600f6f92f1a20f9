"""What tests/exposition/test_connections.py promises holds with TLS too, before, in and after the handshake."""

from __future__ import annotations

import asyncio.sslproto
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from runvitals.exposition.server import Server
from tests.certificates import Authority
from tests.exposition.conftest import Serve
from tests.exposition.requests import PATIENCE_SECONDS, ask_tls
from tests.exposition.test_connections import DEADLINE, GARBAGE, drip, is_cut

HELLO = b"\x16\x03\x01\x02\x00" + b"\x01" * 500
"""The head of a TLS record, and a part of what it announces."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Has signed the server's certificate."""
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.sign("server")
    return made


@pytest.fixture
def serve_tls(serve: Serve, authority: Authority) -> Callable[..., Server]:
    """Start servers that speak TLS with these settings."""
    path = authority.folder / "web.yml"
    path.write_text(yaml.safe_dump({"tls_server_config": {"cert_file": "server.pem", "key_file": "server.key"}}))
    return lambda **settings: serve(config_file=str(path), **settings)


def connected(server: Server) -> socket.socket:
    return socket.create_connection(server.address, PATIENCE_SECONDS)


def secured(server: Server, authority: Authority) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority.folder / "ca.pem"))
    return context.wrap_socket(connected(server), server_hostname="127.0.0.1")


def scrape(server: Server, folder: Path) -> int:
    return ask_tls(server, ssl.create_default_context(cafile=str(folder / "ca.pem")), "/metrics").status


@pytest.mark.slow
@pytest.mark.parametrize("has_shaken_hands", [False, True])
def test_ten_clients_that_drip_over_tls_are_cut(
    serve_tls: Callable[..., Server], authority: Authority, has_shaken_hands: bool
) -> None:
    """The deadline is on the whole handshake, and then on the whole request; scrapes go on meanwhile."""
    server = serve_tls(request_timeout_seconds=DEADLINE, idle_timeout_seconds=DEADLINE)
    text = b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 10_000 if has_shaken_hands else HELLO
    cuts = [threading.Event() for _ in range(10)]
    with ExitStack() as stack:
        open_one = (lambda: secured(server, authority)) if has_shaken_hands else (lambda: connected(server))
        clients = [stack.enter_context(open_one()) for _ in cuts]
        threads = [threading.Thread(target=drip, args=pair) for pair in zip(clients, [text] * 10, cuts, strict=True)]
        for thread in threads:
            thread.start()
        assert [scrape(server, authority.folder) for _ in range(20)] == [200] * 20
        assert all(cut.wait(PATIENCE_SECONDS) for cut in cuts)
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_a_thousand_idle_connections_over_tls(serve_tls: Callable[..., Server], authority: Authority) -> None:
    """Most of them silent, some in the middle of the handshake, some after it: every scrape among them is answered."""
    server = serve_tls(request_timeout_seconds=PATIENCE_SECONDS, idle_timeout_seconds=PATIENCE_SECONDS)
    with ExitStack() as stack:
        for number in range(1000):
            client = secured(server, authority) if number % 10 == 0 else connected(server)
            stack.enter_context(client)
            if number % 10 == 1:
                client.sendall(HELLO)
            if number % 100 == 99:
                assert scrape(server, authority.folder) == 200


@pytest.mark.parametrize(
    "garbage", [*GARBAGE, HELLO, b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x01\xff\xff" + b"\1" * 70_000]
)
def test_garbage_over_tls_changes_nothing(
    serve_tls: Callable[..., Server], authority: Authority, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """In place of the handshake or after it, bytes that are no request neither stop the server nor fill its log."""
    server = serve_tls(request_timeout_seconds=PATIENCE_SECONDS)
    for open_one in (lambda: connected(server), lambda: secured(server, authority)):
        with open_one() as client:
            client.settimeout(0.2)
            try:
                client.sendall(garbage)
                is_cut(client)
            except OSError:
                pass
    assert scrape(server, authority.folder) == 200
    assert not caplog.records


def test_handshakes_that_fail_or_are_displaced_keep_no_memory(serve_tls: Callable[..., Server]) -> None:
    """Each takes a quarter of a megabyte: it is free at once, not when the interpreter looks for circles."""
    server = serve_tls(max_connections=8, request_timeout_seconds=PATIENCE_SECONDS)
    gc.collect()
    before = _shaking_hands()  # what others have left
    gc.disable()
    try:
        with ExitStack() as stack:
            for number in range(60):
                client = stack.enter_context(connected(server))
                client.sendall(HELLO if number % 2 else b"GET / HTTP/1.1\r\n\r\n")
        until = time.monotonic() + PATIENCE_SECONDS
        while _shaking_hands() > before and time.monotonic() < until:
            time.sleep(0.05)
        assert _shaking_hands() <= before
    finally:
        gc.enable()


def _shaking_hands() -> int:
    # By type: `isinstance` asks each object for its class, which some answer with a warning or worse.
    return sum(type(one) is asyncio.sslproto.SSLProtocol for one in gc.get_objects())

"""Clients that are slow, many, or not what they seem: nothing of it changes anything for the scraper."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from runvitals.exposition.server import Server
from runvitals.values import Snapshot
from tests.exposition.conftest import Serve
from tests.exposition.requests import PATIENCE_SECONDS, ask
from tests.exposition.snapshots import FixedBackend, series, snapshot

DEADLINE = 5.0
BIG = 1000  # series: a page of a megabyte, more than the buffers of a connection hold


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.address, PATIENCE_SECONDS)


def is_cut(client: socket.socket) -> bool:
    """Wait until the server closes the connection; False if it has not after a long time."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Holds connections, and closes them when the test ends."""
    with ExitStack() as stack:
        yield stack


def drip(client: socket.socket, text: bytes, cut: threading.Event) -> None:
    """Send a byte every tenth of a second until the server has had enough."""
    try:
        for byte in text:
            client.sendall(bytes([byte]))
            time.sleep(0.1)
    except OSError:
        cut.set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 10_000,
        b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"a" * 9000,
    ],
)
def test_ten_clients_that_drip_are_cut_and_delay_nobody(serve: Serve, clients: ExitStack, text: bytes) -> None:
    """The deadline is on the whole request: a byte now and then does not extend it, and scrapes go on meanwhile."""
    server = serve(request_timeout_seconds=DEADLINE, idle_timeout_seconds=DEADLINE, enable_lifecycle=True)
    cuts = [threading.Event() for _ in range(10)]
    threads = [threading.Thread(target=drip, args=(clients.enter_context(connect(server)), text, cut)) for cut in cuts]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert ask(server, "/metrics").status == 200
    assert all(cut.wait(PATIENCE_SECONDS) for cut in cuts)
    for thread in threads:
        thread.join()


def test_a_client_that_says_nothing_is_cut(serve: Serve) -> None:
    """A connection without a request has the time of a request."""
    server = serve(request_timeout_seconds=0.2)
    with connect(server) as client:
        assert is_cut(client)


def test_an_idle_connection_is_cut_after_its_own_time(serve: Serve) -> None:
    """After an answer the idle time counts, not the request's."""
    server = serve(request_timeout_seconds=PATIENCE_SECONDS * 2, idle_timeout_seconds=0.2)
    with connect(server) as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert is_cut(client)


@pytest.mark.slow
def test_an_idle_connection_is_kept_beyond_the_time_of_a_request(serve: Serve) -> None:
    """The deadline of an answered request does not cut the connection."""
    server = serve(request_timeout_seconds=DEADLINE, idle_timeout_seconds=PATIENCE_SECONDS * 2)
    with connect(server) as client, closing(client.makefile("rb")) as answers:
        for _ in range(2):
            client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answers.readline().startswith(b"HTTP/1.1 200")
            while answers.readline() != b"The sidecar lives.\n":
                pass
            time.sleep(DEADLINE * 1.2)


@pytest.mark.slow
def test_clients_that_never_read_are_cut(serve: Serve, clients: ExitStack) -> None:
    """Whoever asks for a big page and does not take it loses it at the deadline; scrapers get theirs whole."""
    backend = FixedBackend(snapshot(series=tuple(series(run=f"run-{number}") for number in range(BIG))))
    server = serve(backend, request_timeout_seconds=PATIENCE_SECONDS / 10)
    expected = len(ask(server, "/metrics").body)
    deaf = [clients.enter_context(socket.socket()) for _ in range(10)]
    for client in deaf:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.address)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert abs(len(ask(server, "/metrics").body) - expected) < 1000
    assert all(is_reset(client) for client in deaf)


def is_reset(client: socket.socket) -> bool:
    """Wait, without reading, until the server resets the connection; False if it has not after a long time."""
    poller = select.poll()
    poller.register(client, 0)  # errors are reported unasked
    return bool(poller.poll(PATIENCE_SECONDS * 1000))


@pytest.mark.slow
def test_a_flood_of_idle_connections_does_not_lock_the_scraper_out(serve: Serve, clients: ExitStack) -> None:
    """Beyond the limit the longest waiting connection goes; a scraper among three hundred gets every page."""
    server = serve(max_connections=16, request_timeout_seconds=PATIENCE_SECONDS, idle_timeout_seconds=PATIENCE_SECONDS)
    flood = []
    for number in range(300):
        flood.append(clients.enter_context(connect(server)))
        if number % 20 == 0:
            assert ask(server, "/metrics").status == 200
    assert all(is_cut(client) for client in flood[:200])


def test_the_connections_that_are_kept_are_the_newest(serve: Serve, clients: ExitStack) -> None:
    """At the limit the oldest of the waiting ones is given up, one for each newcomer."""
    server = serve(max_connections=3)
    first, second, third = (clients.enter_context(connect(server)) for _ in range(3))
    fourth = clients.enter_context(connect(server))
    assert is_cut(first)
    for client in (second, third, fourth):
        client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.0 200 OK"


class WaitingBackend(FixedBackend):
    """Answers /config when it is allowed to."""

    def __init__(self) -> None:
        super().__init__(snapshot())
        self.entered, self.allowed = threading.Event(), threading.Event()

    def config_text(self) -> str:
        self.entered.set()
        assert self.allowed.wait(PATIENCE_SECONDS)
        return super().config_text()


def test_a_request_being_answered_outlives_a_flood(serve: Serve, clients: ExitStack) -> None:
    """Connections that wait are given up before one that is being answered, however old it is."""
    backend = WaitingBackend()
    server = serve(backend, max_connections=3, request_timeout_seconds=PATIENCE_SECONDS)
    client = clients.enter_context(connect(server))
    client.sendall(b"GET /config HTTP/1.0\r\n\r\n")
    assert backend.entered.wait(PATIENCE_SECONDS)
    for _ in range(10):
        clients.enter_context(connect(server))
    assert ask(server, "/-/healthy").status == 200
    backend.allowed.set()
    assert client.recv(15) == b"HTTP/1.0 200 OK"


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0" * 1000,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n",
    b"GET /%ff%00%zz HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET / HTTP/1.1\r\n: x\r\n\xff: y\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x85",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200,
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_changes_nothing(serve: Serve, garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no request neither stop the server nor fill its log."""
    server = serve(request_timeout_seconds=PATIENCE_SECONDS)
    with connect(server) as client:
        client.sendall(garbage)
        client.settimeout(0.2)
        is_cut(client)
    assert ask(server, "/metrics").status == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 50_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
    ],
)
def test_a_request_that_is_too_long_is_refused(serve: Serve, request_head: bytes) -> None:
    """A path, a header or a number of headers without end are cut off, not collected."""
    server = serve(request_timeout_seconds=PATIENCE_SECONDS * 2)
    with connect(server) as client:
        try:
            client.sendall(request_head)
        except ConnectionError:
            return
        assert is_cut(client)


def test_a_body_that_is_too_long_is_refused(serve: Serve) -> None:
    """A body beyond the limit is 413, before it is sent."""
    backend = FixedBackend(snapshot())
    server = serve(backend, enable_lifecycle=True)
    with connect(server) as client:
        client.sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 413"
    assert backend.reloads == 0


def test_clients_that_leave_change_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks for a big page and hangs up leaves no trace."""
    backend = FixedBackend(snapshot(series=tuple(series(run=f"run-{number}") for number in range(BIG))))
    server = serve(backend)
    for _ in range(20):
        with connect(server) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert ask(server, "/metrics").status == 200
    assert not caplog.records


class BlockingBackend(FixedBackend):
    """Holds the whole server up until it is allowed to go on, as a busy machine does."""

    def __init__(self) -> None:
        super().__init__(snapshot())
        self.entered, self.allowed = threading.Event(), threading.Event()

    def snapshot(self) -> Snapshot | None:
        self.entered.set()
        assert self.allowed.wait(PATIENCE_SECONDS)
        return super().snapshot()


def test_a_burst_does_not_displace_who_came_before_it(serve: Serve, clients: ExitStack) -> None:
    """A request that waits in front of four hundred connections is answered, though only 128 may be open."""
    backend = BlockingBackend()
    server = serve(backend, request_timeout_seconds=PATIENCE_SECONDS * 2)
    clients.enter_context(connect(server)).sendall(b"GET /-/ready HTTP/1.0\r\n\r\n")
    assert backend.entered.wait(PATIENCE_SECONDS)
    scraper = clients.enter_context(connect(server))
    scraper.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    for _ in range(400):
        clients.enter_context(connect(server))
    backend.allowed.set()
    assert scraper.recv(15) == b"HTTP/1.0 200 OK"

"""The pages over real connections: what each path answers to whom."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from runvitals.catalogue import metrics
from runvitals.exposition import metrics_page, routes
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.server import Server, WebSettings
from runvitals.values import Snapshot
from tests.exposition.conftest import Serve
from tests.exposition.pages import ACCEPTS, OPENMETRICS, key, read_page
from tests.exposition.requests import PATIENCE_SECONDS, ask
from tests.exposition.snapshots import NOW, FixedBackend, series, snapshot

READ_PATHS = ["/", "/metrics", "/findings", "/faults", "/config", "/-/healthy", "/-/ready"]


@pytest.mark.parametrize("output", ACCEPTS)
def test_metrics_come_in_the_format_that_was_asked_for(serve: Serve, output: str) -> None:
    """The Accept header decides the format, and the content type says which it is."""
    response = ask(serve(), "/metrics", headers={"Accept": ACCEPTS[output]})
    expected = {"text": "text/plain; version=0.0.4", "openmetrics": "application/openmetrics-text; version=1.0.0"}
    assert response.headers["Content-Type"].startswith(expected[output])
    assert read_page(response.text, output)[key(metrics.SNAPSHOT_TIMESTAMP.name)] == NOW


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "application/openmetrics-text;version=99.9", "text/plain;version=x;q=", ";;q=,"]
)
def test_an_accept_header_we_cannot_meet_gets_the_plain_text(serve: Serve, accept: str) -> None:
    """Unknown, future and broken wishes get the format every scraper reads."""
    response = ask(serve(), "/metrics", headers={"Accept": accept})
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_the_accept_header_of_prometheus_gets_openmetrics(serve: Serve) -> None:
    """What Prometheus 2 sends is answered with what it likes best."""
    wish = f"text/plain;version=0.0.4;q=0.5,{OPENMETRICS},application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1"
    assert "openmetrics" in ask(serve(), "/metrics", headers={"Accept": wish}).headers["Content-Type"]


@pytest.mark.parametrize(
    ("wish", "is_gzipped"), [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("", False)]
)
def test_metrics_are_gzipped_for_those_who_take_it(serve: Serve, wish: str, is_gzipped: bool) -> None:
    """Gzip comes when accepted and only then."""
    response = ask(serve(), "/metrics", headers={"Accept-Encoding": wish})
    assert (response.headers["Content-Encoding"] == "gzip") is is_gzipped
    text = gzip.decompress(response.body) if is_gzipped else response.body
    assert metrics.SIGNAL_VALUE.name.encode() in text


@pytest.mark.parametrize("path", READ_PATHS)
def test_every_page_answers_get_and_head(serve: Serve, path: str) -> None:
    """HEAD has the status, type and length of GET and no body."""
    server = serve()
    got, head = ask(server, path), ask(server, path, "HEAD")
    assert (got.status, head.status, head.body) == (200, 200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert abs(int(head.headers["Content-Length"]) - len(got.body)) < 100  # process_* may have changed in between


@pytest.mark.parametrize("path", READ_PATHS)
def test_every_answer_carries_the_security_headers(serve: Serve, path: str) -> None:
    """No answer is sniffed, stored, framed or allowed to load anything from elsewhere."""
    headers = ask(serve(), path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "runvitals"


@pytest.mark.parametrize("path", ["/metrics/", "/favicon.ico", "/..", "//", "/-/", "/METRICS", "/%2e%2e/etc/passwd"])
def test_an_unknown_path_is_not_found(serve: Serve, path: str) -> None:
    """Whatever is no page is a 404."""
    assert ask(serve(), path).status == 404


@pytest.mark.parametrize("path", READ_PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_a_wrong_method_is_refused_with_the_right_ones(serve: Serve, path: str, method: str) -> None:
    """Pages to read take GET and HEAD alone, and say so."""
    response = ask(serve(enable_lifecycle=True), path, method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_ready_waits_for_the_sources_and_healthy_does_not(serve: Serve) -> None:
    """Ready is 503 without a snapshot and with an unready one; healthy is 200 all the while."""
    backend = FixedBackend(None)
    server = serve(backend)
    for shown, status in [(None, 503), (snapshot(ready=False), 503), (snapshot(), 200)]:
        backend.shown = shown
        assert ask(server, "/-/ready").status == status
        assert ask(server, "/-/healthy").status == 200
        assert ask(server, "/metrics").status == 200
        assert ask(server, "/").status == 200


def test_a_new_snapshot_is_served_at_once(serve: Serve) -> None:
    """No answer is older than the newest snapshot."""
    backend = FixedBackend()
    server = serve(backend)
    for value in (1.0, 2.0, 3.0):
        backend.shown = snapshot(series=(series(value=value),))
        found = read_page(ask(server, "/metrics").text, "text")
        assert found[key(metrics.SIGNAL_VALUE.name, run="llama", rank="0", signal="loss")] == value


def test_ten_scrapers_of_one_snapshot_cost_one_rendering(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrent and later scrapes of one snapshot in one format share its bytes."""
    rendered = []

    def count(_families: object, output: object) -> bytes:
        rendered.append(output)
        time.sleep(0.2)  # long enough that all ten ask meanwhile
        return b"page"

    monkeypatch.setattr(metrics_page, "render", count)
    monkeypatch.setattr("runvitals.exposition.rendered.MAX_AGE_SECONDS", PATIENCE_SECONDS)
    server = serve()
    threads = [threading.Thread(target=ask, args=(server, "/metrics")) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ask(server, "/metrics").body == b"page"
    assert len(rendered) == 1
    ask(server, "/metrics", headers={"Accept": OPENMETRICS})
    assert len(rendered) == 2


def test_reload_is_off_unless_enabled(serve: Serve) -> None:
    """Without --web.enable-lifecycle a reload is forbidden, with the remedy, and nothing is reloaded."""
    backend = FixedBackend(snapshot())
    response = ask(serve(backend), "/-/reload", "POST")
    assert response.status == 403
    assert "--web.enable-lifecycle" in response.text
    assert backend.reloads == 0


def test_reload_is_done_by_post_alone(serve: Serve) -> None:
    """POST reloads; GET and HEAD are 405 and reload nothing, whether enabled or not."""
    backend = FixedBackend(snapshot())
    server = serve(backend, enable_lifecycle=True)
    for method in ("GET", "HEAD"):
        assert ask(server, "/-/reload", method).status == 405
        assert ask(serve(backend), "/-/reload", method).headers["Allow"] == "POST"
    assert backend.reloads == 0
    assert ask(server, "/-/reload", "POST").status == 200
    assert backend.reloads == 1


def test_a_refused_config_is_a_500_with_the_reason(serve: Serve) -> None:
    """Whoever reloads is told why the new config was refused."""
    backend = FixedBackend(snapshot(), "web.listen_adress is unknown, do you mean listen_address?")
    response = ask(serve(backend, enable_lifecycle=True), "/-/reload", "POST")
    assert response.status == 500
    assert "do you mean listen_address?" in response.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_no_web_page_may_reload(serve: Serve, origin: str) -> None:
    """A request that a browser sends for a web page is refused."""
    backend = FixedBackend(snapshot())
    response = ask(serve(backend, enable_lifecycle=True), "/-/reload", "POST", {"Origin": origin})
    assert response.status == 403
    assert backend.reloads == 0


class SlowReload(FixedBackend):
    """Reloads when it is allowed to."""

    def __init__(self) -> None:
        super().__init__(snapshot())
        self.entered, self.allowed = threading.Event(), threading.Event()

    def reload(self) -> str | None:
        self.entered.set()
        assert self.allowed.wait(PATIENCE_SECONDS)
        return super().reload()


def test_a_slow_reload_delays_nobody_and_runs_alone(serve: Serve) -> None:
    """While a reload is under way pages are served, and a second one is told to wait."""
    backend = SlowReload()
    server = serve(backend, enable_lifecycle=True, request_timeout_seconds=PATIENCE_SECONDS)
    statuses = []
    first = threading.Thread(target=lambda: statuses.append(ask(server, "/-/reload", "POST").status))
    first.start()
    assert backend.entered.wait(PATIENCE_SECONDS)
    assert ask(server, "/metrics").status == 200
    assert ask(server, "/-/reload", "POST").status == 409
    backend.allowed.set()
    first.join()
    assert statuses == [200]
    assert ask(server, "/-/reload", "POST").status == 200


class FailingBackend(FixedBackend):
    """Raises whatever it is asked."""

    def snapshot(self) -> Snapshot | None:
        raise RuntimeError("no snapshot")

    def config_text(self) -> str:
        raise RuntimeError("no config")

    def reload(self) -> str | None:
        raise RuntimeError("no reload")

    def reload_status(self) -> ReloadStatus:
        raise RuntimeError("no status")


def test_an_application_that_fails_leaves_what_the_server_knows(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Each failing part costs itself alone, is logged once, and the server lives."""
    server = serve(FailingBackend(), enable_lifecycle=True)
    for _ in range(2):
        page = ask(server, "/metrics")
        assert page.status == 200
        assert metrics.BUILD_INFO.name in page.text
        assert ask(server, "/-/ready").status == 503
        assert ask(server, "/config").status == 500
        assert ask(server, "/-/reload", "POST").status == 500
        assert ask(server, "/-/healthy").status == 200
        assert json.loads(ask(server, "/findings").body) == []
    assert len(caplog.records) == 4


def test_the_config_is_shown_as_the_application_gives_it(serve: Serve) -> None:
    """/config is the application's YAML as plain text."""
    response = ask(serve(), "/config")
    assert response.text == FixedBackend().config_text()
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_one_connection_serves_many_requests(serve: Serve) -> None:
    """A scraper's connection is kept open between scrapes."""
    with closing(http.client.HTTPConnection(*serve().address, timeout=PATIENCE_SECONDS)) as connection:
        connection.connect()
        own_port = connection.sock.getsockname()[1]
        for _ in range(5):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read()
            assert connection.sock.getsockname()[1] == own_port


def test_http_1_0_is_answered(serve: Serve) -> None:
    """The plainest client there is gets its page and the end of the connection."""
    with socket.create_connection(serve().address, PATIENCE_SECONDS) as client:
        client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.0 200")


def test_a_port_in_use_is_an_error_with_the_remedy(serve: Serve) -> None:
    """The sentence names the address and the option, and nothing is left running."""
    taken = "{}:{}".format(*serve().address)
    threads = threading.active_count()
    second = Server(WebSettings(listen_address=taken), FixedBackend())
    with pytest.raises(
        OSError, match=r"cannot listen on .*: another program listens there; .*--web.listen-address"
    ) as caught:
        second.start()
    assert taken in str(caught.value)
    second.stop()
    assert threading.active_count() == threads


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no-such-host.invalid:0"])
def test_an_address_that_is_not_ours_is_an_error_with_the_remedy(address: str) -> None:
    """An address or a name this machine does not have gives a sentence that names it."""
    with pytest.raises(OSError, match=r"--web\.listen-address") as caught:
        Server(WebSettings(listen_address=address), FixedBackend()).start()
    assert address in str(caught.value)


@pytest.mark.parametrize("address", [":0", "127.0.0.1:0", "localhost:0"])
def test_every_way_to_write_an_address_is_listened_on(serve: Serve, address: str) -> None:
    """A port alone, an address and a name are reachable on IPv4."""
    port = serve(listen_address=address).address[1]
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS):
        pass


def _has_ipv6_loopback() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("address", ["[::1]:0", ":0"])
def test_ipv6_is_listened_on(serve: Serve, address: str) -> None:
    """An IPv6 address in brackets, and a port alone, are reachable on IPv6."""
    with socket.create_connection(("::1", serve(listen_address=address).address[1]), PATIENCE_SECONDS):
        pass


def test_stopping_ends_the_thread_and_the_listening(serve: Serve) -> None:
    """After stop nobody listens and no thread is left; a second stop is harmless."""
    threads = threading.active_count()
    server = serve()
    ask(server, "/metrics")
    server.stop()
    server.stop()
    until = time.monotonic() + PATIENCE_SECONDS
    while threading.active_count() > threads and time.monotonic() < until:
        time.sleep(0.01)  # a thread that has done its work may still be on its way out
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address, PATIENCE_SECONDS)


def test_stopping_does_not_wait_for_clients(serve: Serve) -> None:
    """Idle, half-asked and never-ending requests are cut when the server stops."""
    backend = SlowReload()
    server = serve(backend, enable_lifecycle=True, request_timeout_seconds=PATIENCE_SECONDS)
    clients = [socket.create_connection(server.address, PATIENCE_SECONDS) for _ in range(3)]
    clients[1].sendall(b"GET /metr")
    clients[2].sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n")
    assert backend.entered.wait(PATIENCE_SECONDS)
    server.stop()
    backend.allowed.set()
    for client in clients:
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_the_address_is_known_after_the_start_alone() -> None:
    """Asking for the address of a server that has not been started is an error in the caller."""
    server = Server(WebSettings(listen_address="127.0.0.1:0"), FixedBackend())
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = server.address
    server.stop()


def test_every_route_is_tested_here() -> None:
    """A new page is added to these tests."""
    known = routes.Routes(FixedBackend(), WebSettings(), routes.Clocks(time.time, time.monotonic))._routes
    assert set(known) == {*READ_PATHS, "/-/reload"}

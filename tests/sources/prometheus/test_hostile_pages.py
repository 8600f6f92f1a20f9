"""What servers send that is no page, or half of one: counted or told, never fatal, never late."""

import gzip
import math
import socket
import threading
import time
import zlib
from collections import Counter

import pytest

from runvitals.sources.prometheus import resolve as resolve_module
from runvitals.sources.prometheus.engines import ENGINES
from runvitals.sources.prometheus.page import PageReader, PageTooSlowError
from runvitals.sources.prometheus.picks import Picks
from runvitals.sources.prometheus.settings import MetricSettings
from runvitals.sources.prometheus.unpacking import Unpacker
from runvitals.sources.prometheus.vocabulary import Vocabulary
from tests.sources.prometheus.page_server import (
    NOW,
    SECONDS,
    Clock,
    make_source,
    raw_server,
    serving,
    two_polls,
    values,
)

RUNNING = 'vllm:num_requests_running{model_name="m"} 3\n'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def poll(body, **settings):
    with serving(body) as server:
        return make_source(server.url, **settings).poll(NOW)


def poll_raw(talk, **settings):
    with raw_server(talk) as url:
        started = time.monotonic()
        answer = make_source(url, **settings).poll(NOW)
        return answer, time.monotonic() - started


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("vllm:num_requests_running", "malformed_line"),
        ('vllm:num_requests_running{model_name="n} 3', "malformed_line"),
        ('vllm:num_requests_running{model_name="n"', "malformed_line"),
        ("vllm:num_requests_running{model_name=n} 3", "malformed_line"),
        ('vllm:num_requests_running{model_name="n"} 3 4 5', "malformed_line"),
        ('vllm:num_requests_running{model_name="n"} three', "not_a_number"),
        ('vllm:num_requests_running{model_name="n"} 1_000', "not_a_number"),
        ('vllm:num_requests_running{model_name="n"} 0x10', "not_a_number"),
        ('vllm:num_requests_running{model_name="n"} NaN', "not_finite"),
        ('vllm:num_requests_running{model_name="n"} +Inf', "not_finite"),
        ('vllm:num_requests_running{model_name="n"} -1', "implausible"),
        ('vllm:num_requests_running{model_name="n"} 1e999', "not_finite"),
        ('vllm:num_requests_running{model_name="m"} 4', "duplicate_series"),
        ('vllm:num_requests_running{model_name="' + "n" * 10_000 + '"} 3', "line_too_long"),
        ('vllm:e2e_request_latency_seconds_bucket{model_name="m",le="low"} 4', "not_a_number"),
        ('vllm:e2e_request_latency_seconds_count{model_name="m"} -4', "implausible"),
        ("<h1>Error</h1>", "malformed_line"),
        ("\x00\x01\x02", "malformed_line"),
        ('{"quoted.name", a="b"} 3', "malformed_line"),
        ("unknown_family{ 5 broken", "malformed_line"),
    ],
)
def test_a_bad_line_is_counted_and_the_others_read(line, reason):
    """One reason for each; what stands before and after is taken."""
    answer = poll(f'{RUNNING}{line}\nvllm:num_requests_waiting{{model_name="m"}} 2\n')
    assert answer.rejected == {reason: 1}
    found = values(answer, "m")
    assert (found["requests_running"], found["requests_waiting"]) == (3, 2)


def test_what_is_odd_and_allowed():
    """Escapes, spaces, empty braces, tabs, a comma at the end, times, no final newline, a byte order mark."""
    page = (
        "\ufeff# HELP vllm:num_requests_running \\n\n \t\n"
        'vllm:num_requests_running { model_name = "a\\"}{,\\\\b\\n" , }\t3.0e+00 1700000000000\n'
        'vllm:num_requests_waiting{model_name="a\\"}{,\\\\b\\n"}   2'
    )
    answer = poll(page)
    assert answer.rejected == {}
    assert values(answer, 'a"}{,\\b\n') == {"requests_running": 3, "requests_waiting": 2, "server_up": 1}


def test_a_page_that_is_not_utf8_is_read_and_counted():
    """A byte of another encoding in a label spoils that label alone."""
    answer = poll(RUNNING.encode() + b'vllm:num_requests_running{model_name="\xff"} 1\n')
    assert values(answer, "m")["requests_running"] == 3
    assert answer.rejected == {"not_utf8": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('[{"iter": 1}]', "JSON"),
        ('\n {"error": "no"}', "JSON"),
        ("<!DOCTYPE html><html></html>", "HTML"),
        ("", "no known server"),
        ("hello world\n", "no known server"),
    ],
)
def test_the_wrong_page_is_told_and_the_server_is_up(body, words):
    """An answer is an answer: the source is down with what to do, the server is not."""
    answer = poll(body)
    assert words in answer.error
    assert values(answer) == {"server_up": 1}


@pytest.mark.parametrize(
    ("status", "up", "words"),
    [(404, 1, "check the URL's path"), (401, 1, "bearer_token_file"), (500, 1, "HTTP 500"), (503, 0, "not ready")],
)
def test_an_http_error_is_told(status, up, words):
    """A server that says no is up; one behind a proxy that says that nobody is there is not."""
    with serving(RUNNING) as server:
        server.status = status
        answer = make_source(server.url).poll(NOW)
    assert words in answer.error
    assert values(answer) == {"server_up": up}


def test_nobody_listens():
    """A refused connection is a sample of 0, and the source is down with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = make_source(f"http://127.0.0.1:{port}/metrics").poll(NOW)
    assert values(answer) == {"server_up": 0}
    assert "refused" in answer.error


def drip(head, byte):
    def talk(connection):
        connection.sendall(head)
        while True:
            connection.sendall(byte)
            time.sleep(0.02)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection: time.sleep(3),
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(OK + b"\r\n", b"#"),
        drip(OK + b"Content-Length: 1000000\r\n\r\n", b"\n"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n#\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "status", "headers", "body", "length", "chunks", "continue"],
)
def test_a_server_that_drips_ends_with_the_timeout(talk):
    """One deadline holds for all: each byte does not begin it anew."""
    answer, seconds = poll_raw(talk, timeout=0.3)
    assert values(answer) == {"server_up": 0}
    assert answer.error
    assert seconds < 10  # of 0.3, and what a busy machine may add


def test_a_handshake_that_drips_ends_with_the_timeout():
    """TLS has the same deadline."""
    with raw_server(drip(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb", b"\x00")) as url:
        started = time.monotonic()
        answer = make_source(url.replace("http:", "https:"), timeout=0.3).poll(NOW)
    assert values(answer) == {"server_up": 0}
    assert "within 0.3 s" in answer.error
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection: connection.sendall(OK + b"Content-Length: 500\r\n\r\n" + RUNNING.encode()),
        lambda connection: connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + RUNNING.encode()),
        lambda connection: connection.sendall(
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(RUNNING.encode() * 50)[:-20]
        ),
        lambda connection: connection.sendall(OK + b"Content-Encoding: gzip\r\n\r\nthis is not gzip"),
        lambda connection: connection.sendall(b"HTTP/1.1 "),
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000),
        lambda connection: None,
    ],
    ids=["length", "chunks", "gzip", "no gzip", "status", "ssh", "headers", "closed"],
)
def test_half_an_answer_is_none(talk):
    """Of a page that broke off nothing is believed: half of it would look like counters that fell."""
    answer, _ = poll_raw(talk, timeout=5.0)
    assert values(answer) == {"server_up": 0}
    assert answer.error


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_packed_pages_are_unpacked(pack):
    """Servers pack as they like."""
    with serving(pack(RUNNING.encode())) as server:
        server.headers = {"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"}
        answer = make_source(server.url).poll(NOW)
        assert server.asked[0][1]["Accept-Encoding"] == "gzip"
    assert values(answer, "m")["requests_running"] == 3


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_of_several_members_is_unpacked_whole(size):
    """However it is cut on its way; zeros after the last member are padding."""
    pages = [RUNNING.encode(), b"", b"x" * 1000, b"# the end\n"]
    packed = b"".join(map(gzip.compress, pages)) + bytes(20)
    unpacker = Unpacker()
    parts = [unpacker.unpack(packed[at : at + size], 10_000) for at in range(0, len(packed), size)]
    assert (b"".join(parts), unpacker.is_whole) == (b"".join(pages), True)
    assert unpacker.unpack(gzip.compress(b"more")[:-1], 10_000) == b"more"
    assert not unpacker.is_whole


def test_a_page_of_several_members_is_read():
    """A proxy packs what it passes on in pieces of its own."""
    lines = RUNNING.encode().splitlines(keepends=True)
    with serving(b"".join(map(gzip.compress, lines))) as server:
        server.headers = {"Content-Encoding": "gzip"}
        assert values(make_source(server.url).poll(NOW), "m")["requests_running"] == 3


@pytest.mark.parametrize("members", [1, 50])
def test_a_bomb_is_not_unpacked(members):
    """A body that grows a thousandfold is given up at max_bytes."""
    with serving(gzip.compress(b"a" * (50_000_000 // members)) * members) as server:
        server.headers = {"Content-Encoding": "gzip"}
        answer = make_source(server.url, max_bytes=1_000_000).poll(NOW)
    assert "max_bytes" in answer.error


def test_a_page_without_end_is_given_up():
    """No length, and never the end: at most max_bytes are taken."""

    def talk(connection):
        connection.sendall(OK + b"\r\n")
        while True:
            connection.sendall(RUNNING.encode() * 1000)

    answer, _ = poll_raw(talk, max_bytes=1_000_000, timeout=10.0)
    assert "max_bytes" in answer.error


def test_redirects_are_followed_at_home_alone():
    """What proves who asks is for nobody else."""
    with serving(RUNNING) as other, serving() as server:
        server.status, server.headers = 307, {"Location": other.url}
        answer = make_source(server.url, bearer_token="secret").poll(NOW)
        assert "redirects to another address" in answer.error
        assert other.asked == []
        server.headers = {"Location": "/metrics/"}
        assert "circle" in make_source(server.url).poll(NOW).error
        assert [path for path, _ in server.asked][-2:] == ["/metrics/", "/metrics/"]


def test_fifty_thousand_lines_are_read_in_time():
    """A page of 50,000 lines of other families and one of ours."""
    other = "".join(f'some_metric_{number % 300}{{a="{number}"}} {number}.5\n' for number in range(50_000))
    answer = poll(other + RUNNING, timeout=30.0)
    assert values(answer, "m")["requests_running"] == 3
    assert answer.rejected == {}


def test_series_models_and_layers_are_bounded():
    """What is over a limit is counted; what was there first goes on."""
    page = "".join(f'vllm:num_requests_running{{model_name="m{number}"}} 1\n' for number in range(100))
    answer = poll(page, max_models=10)
    assert len({item.run for item in answer.items}) == 10
    assert answer.rejected == {"too_many_models": 90}
    answer = poll(page, max_series=10)
    assert answer.rejected == {"too_many_series": 90}
    gpus = "".join(f'DCGM_FI_DEV_GPU_TEMP{{gpu="{number}"}} 50\n' for number in range(100))
    answer = poll(gpus, max_layers=8)
    assert answer.rejected == {"too_many_layers": 92}


def test_labels_of_many_values_are_summed():
    """A label per request or worker is no series of ours."""
    before = "".join(f'ts_inference_requests_total{{uuid="{number}",model_name="m"}} 1\n' for number in range(1000))
    after = before.replace("} 1\n", "} 3\n")
    assert values(two_polls(before, after), "m")["requests_per_second"] == 2000 / SECONDS


def test_a_page_that_takes_too_long_to_read_is_given_up():
    """The clock is looked at while the lines are read."""
    clock = iter(range(100))
    reader = PageReader(Vocabulary(ENGINES, Picks(())), 100, lambda: float(next(clock)))
    with pytest.raises(PageTooSlowError):
        reader.read("\n" * 60_000, 10.0, Counter())
    assert next(clock) == 12


def test_a_name_that_nobody_resolves_ends_with_the_timeout(monkeypatch):
    """The system's resolver knows no deadline; the poll does, and does not ask twice at once."""
    release, asked = threading.Event(), []
    real = socket.getaddrinfo

    def slow(host, *arguments, **options):
        if options.get("flags"):
            return real(host, *arguments, **options)
        asked.append(host)
        release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(resolve_module.socket, "getaddrinfo", slow)
    source = make_source("http://nowhere.invalid/metrics", timeout=0.2)
    for _ in range(3):
        answer = source.poll(NOW)
        assert values(answer) == {"server_up": 0}
    assert asked == ["nowhere.invalid"]
    release.set()


def test_a_signal_that_vanishes_is_nan_once():
    """Nobody reads its last value as the newest; while it is gone it is not available."""
    clock = Clock()
    with serving(RUNNING + 'vllm:num_requests_waiting{model_name="m"} 2\n') as server:
        source = make_source(server.url, clock)
        source.poll(NOW)
        server.body = RUNNING
        gone = source.poll(NOW + 5)
        assert math.isnan(values(gone, "m")["requests_waiting"])
        assert gone.available["requests_waiting"] is False
        assert "requests_waiting" not in values(source.poll(NOW + 10), "m")
        server.body = RUNNING + 'vllm:num_requests_waiting{model_name="m"} NaN\n'
        assert "requests_waiting" not in values(source.poll(NOW + 15), "m")


def test_a_line_of_spaces_costs_no_more_than_its_length():
    """A wanted name with thousands of spaces and no number is passed over at once."""
    line = "vllm:num_requests_running" + " " * 8000 + "{\n"
    started = time.process_time()
    assert poll(line * 20).rejected == {"malformed_line": 20}
    assert time.process_time() - started < 5.0  # quadratic it was 20


@pytest.mark.parametrize(
    ("answer", "sentence", "up"),
    [
        (b"\x00\x00\x12\x04" + b"\x00" * 60_000 + b"\n", "no HTTP server", 0.0),
        (b"\x15\x03\x01\x00\x02\x02F", "try https://", 0.0),
        (b"HTTP/1.1 302 x\r\nLocation: /\xe9\r\nContent-Length: 0\r\n\r\n", "redirects to a path", 1.0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n", "not well-formed", 1.0),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "cannot be unpacked", 0.0),
    ],
)
def test_what_is_no_answer_is_told_in_a_sentence(answer, sentence, up):
    """The error says what to do in a short line, with nothing of what a strange server sent."""
    told, _ = poll_raw(lambda connection: connection.sendall(answer), run="m")
    assert sentence in told.error
    assert len(told.error) < 200
    assert told.error.isprintable()
    assert values(told, "m") == {"server_up": up}


def test_https_of_a_server_without_it_names_the_remedy():
    """A plain server under an https URL is told as such."""
    with serving(RUNNING) as server:
        told = make_source(server.url.replace("http:", "https:")).poll(NOW)
    assert "try http://" in told.error


def test_a_sum_that_is_not_finite_is_no_value():
    """Picked gauges whose sum overflows give no infinite sample."""
    pick = MetricSettings(match="huge", type="gauge")
    told = poll('huge{a="1"} 1e308\nhuge{a="2"} 1e308\n', metrics=(pick,))
    assert "huge" not in values(told)
    assert told.rejected == {"implausible": 1}


def test_sources_of_one_host_resolve_it_at_once():
    """Several sources that ask for one name at the same moment all get its addresses."""
    problems = []

    def ask():
        try:
            for _ in range(50):
                resolve_module.resolve("localhost", 80, time.monotonic() + 30.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            problems.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []

"""An Alertmanager that is slow, endless, or somebody else: posting ends in time, and nobody else is told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from runvitals.sinks.alertmanager.http_post import RefusedError, post, target_of
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.sources.prometheus.http_get import BadAnswerError, NoAnswerError
from tests.servers import LOOPBACK

TIMEOUT = 0.5
Talk = Callable[[socket.socket], None]


def says(text: bytes, *, without_end: bytes = b"", pause: float = 0.0) -> Talk:
    """Return a way to answer: a text, and then the same bytes for ever."""

    def talk(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(text)
        while without_end:
            client.sendall(without_end)
            time.sleep(pause)

    return talk


@contextmanager
def answering(talk: Talk) -> Iterator[tuple[str, list[int]]]:
    """Answer every connection in this way; yields the URL, and a list that grows with each connection."""
    with socket.create_server((LOOPBACK, 0)) as listening, ExitStack() as stack:
        asked: list[int] = []

        def one(client: socket.socket) -> None:
            with suppress(OSError), client:
                talk(client)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = listening.accept()[0]
                    asked.append(1)
                    threading.Thread(target=one, args=(client,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(lambda: listening.shutdown(socket.SHUT_RDWR))
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}", asked


ENDLESS = {
    "silence": lambda client: threading.Event().wait(10 * TIMEOUT),
    "drip": says(b"HTTP/1.1 200 OK\r\nX: ", without_end=b"a", pause=0.05),
    "continue": says(b"", without_end=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers": says(b"HTTP/1.1 200 OK\r\n", without_end=b"X: " + b"a" * 60_000 + b"\r\n"),
    "a line": says(b"", without_end=b"a" * 65536),
    "a refusal": says(b"HTTP/1.1 400 Bad Request\r\n\r\n", without_end=b"secret\r\n" * 8192),
}


@pytest.mark.parametrize("way", ENDLESS)
def test_an_answer_without_end_ends_with_the_timeout(way: str) -> None:
    """Whatever comes, and however slowly, the post is over soon, and what is said of it is short."""
    settings = AlertmanagerSettings(timeout=TIMEOUT)
    with answering(ENDLESS[way]) as (url, _):
        begun = time.monotonic()
        with pytest.raises((NoAnswerError, BadAnswerError, RefusedError)) as refused:
            post(target_of(url, settings), [{"labels": {}}], TIMEOUT)
        assert time.monotonic() - begun < 20 * TIMEOUT
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """What proves who posts, and what the findings say, goes to the address of the config alone."""
    with answering(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (elsewhere, asked):
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere}/api/v2/alerts\r\nContent-Length: 0\r\n\r\n"
        expected = pytest.raises(NoAnswerError, match=f"HTTP {status} instead of 200")
        with answering(says(head.encode())) as (url, _), expected:
            post(target_of(url, AlertmanagerSettings()), [], 5.0)
    assert not asked

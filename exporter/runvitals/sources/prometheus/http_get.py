"""One GET over HTTP or HTTPS that ends in time whatever the server does, and never takes more than it may."""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from runvitals.sources.prometheus.resolve import resolve, seconds_left
from runvitals.sources.prometheus.unpacking import Unpacker

MAX_REDIRECTS = 3
_MAX_SENTENCE = 200
_NO_HTTP = "what answers there is no HTTP server; try https:// in the URL, or another port (gRPC has one of its own)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_IN_A_REQUEST = re.compile(r"[^!-~]")
_CHUNK = 256 * 1024
_MAX_WIRE_SHARE = 1.01  # a body that does not compress is a little longer compressed


class NoAnswerError(Exception):
    """The server did not answer, or not in time, or broke off; the sentence says which."""


class BadAnswerError(Exception):
    """The server answered, but not with a page; the sentence says what, and the remedy."""


class Target(NamedTuple):
    """Where to ask, with what headers, and for HTTPS how to know the server (`server_name`: if not the host's)."""

    url: SplitResult
    headers: Mapping[str, str]
    tls: ssl.SSLContext | None
    server_name: str = ""


class Answer(NamedTuple):
    """A body with its Content-Type."""

    body: bytes
    content_type: str


def get(target: Target, timeout: float, max_bytes: int) -> Answer:
    """Return what the server answers within `timeout` seconds. Raises NoAnswerError, BadAnswerError.

    Redirects are followed on the same host and port alone: what proves who asks is for nobody else.
    """
    deadline = time.monotonic() + timeout
    with explained(timeout):
        for _ in range(MAX_REDIRECTS + 1):
            answer = _get_once(target, deadline, max_bytes)
            if isinstance(answer, Answer):
                return answer
            target = target._replace(url=_redirected(target.url, answer))
    raise BadAnswerError("the server redirects in a circle")


@contextlib.contextmanager
def explained(timeout: float) -> Iterator[None]:
    """Raise NoAnswerError, with a sentence, for what can go wrong on the way."""
    try:
        yield
    except TimeoutError:
        raise NoAnswerError(f"no whole answer within {timeout:g} s") from None
    except http.client.IncompleteRead:
        raise NoAnswerError("the answer broke off") from None
    except ssl.SSLError as error:
        raise NoAnswerError(_of_tls(error)) from None
    except http.client.BadStatusLine as error:
        raise NoAnswerError(_NO_HTTP if str(error) else "the server closed the connection") from None
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(str(error)[:_MAX_SENTENCE] or type(error).__name__) from None


def _of_tls(error: ssl.SSLError) -> str:
    if error.reason == "WRONG_VERSION_NUMBER":
        return "TLS: the server does not speak it there; try http:// in the URL"
    return f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"


def _get_once(target: Target, deadline: float, max_bytes: int) -> Answer | str:
    """Return the answer, or where the server redirects to."""
    with connected(target, deadline) as wire:
        connection = http.client.HTTPConnection(target.url.netloc)
        connection.sock = wire  # all that http.client uses of a socket
        path = f"{target.url.path or '/'}{'?' + target.url.query if target.url.query else ''}"
        connection.request("GET", path, headers=dict(target.headers))
        answer = connection.getresponse()
        if answer.status in _REDIRECTS and answer.getheader("Location"):
            return str(answer.getheader("Location"))
        _check_status(answer.status)
        packed = (answer.getheader("Content-Encoding") or "").strip().lower()
        return Answer(_read(answer, packed, max_bytes, deadline), answer.getheader("Content-Type") or "")


def _check_status(status: int) -> None:
    if status in (502, 503, 504):
        raise NoAnswerError(f"HTTP {status}: nobody is there behind the proxy, or the server is not ready")
    if status in (401, 403):
        raise BadAnswerError(f"HTTP {status}: the server wants to know who asks; set bearer_token_file or basic_auth")
    if status == 404:
        raise BadAnswerError(
            "HTTP 404: no such page; check the URL's path, and that the server's metrics are turned on"
        )
    if status != 200:
        raise BadAnswerError(f"HTTP {status} instead of a page")


def _read(answer: http.client.HTTPResponse, packed: str, max_bytes: int, deadline: float) -> bytes:
    """Return the body, unpacked."""
    if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise BadAnswerError(f"the body is packed as {packed[:40]!r}, which was not asked for")
    unpacker = Unpacker() if packed not in ("", "identity") else None
    body, wire = bytearray(), 0
    while chunk := _next(answer):
        wire += len(chunk)
        try:
            body += unpacker.unpack(chunk, max_bytes + 1 - len(body)) if unpacker else chunk
        except zlib.error as error:
            raise NoAnswerError(f"the body cannot be unpacked: {error}") from None
        if len(body) > max_bytes or wire > max_bytes * _MAX_WIRE_SHARE + _CHUNK:
            raise BadAnswerError(f"the page is larger than max_bytes ({max_bytes})")
        if time.monotonic() > deadline:
            raise TimeoutError
    if answer.length:  # http.client takes the end of the connection for the end of the body
        raise http.client.IncompleteRead(b"", answer.length)
    if unpacker and not unpacker.is_whole and wire:
        raise NoAnswerError("the packed answer broke off")
    return bytes(body)


def _next(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(_CHUNK)
    except ValueError:  # http.client, of a chunk whose length is negative
        raise BadAnswerError("the answer is not well-formed HTTP") from None


def _redirected(url: SplitResult, location: str) -> SplitResult:
    try:
        new = urlsplit(urljoin(url.geturl(), location))
        same = (new.scheme, new.hostname, _port(new)) == (url.scheme, url.hostname, _port(url))
    except ValueError:
        same = False
    if not same:
        raise BadAnswerError("the server redirects to another address; put the final URL into the config")
    if _NOT_IN_A_REQUEST.search(new.path + new.query):
        raise BadAnswerError("the server redirects to a path with a space or a character that must be written as %XX")
    return new._replace(netloc=url.netloc, fragment="")


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def connected(target: Target, deadline: float) -> _Wire:
    """Return a connection, with TLS for HTTPS, on which nothing waits beyond the deadline. Raises OSError."""
    raw = _connect(target.url.hostname or "", _port(target.url), deadline)
    try:
        if target.url.scheme == "https":
            raw.settimeout(seconds_left(deadline))
            context = target.tls or ssl.create_default_context()
            raw = context.wrap_socket(raw, server_hostname=target.server_name or target.url.hostname)
    except BaseException:
        raw.close()
        raise
    return _Wire(raw, deadline)


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Return a connection to the first address that answers; each has its part of the time that is left."""
    problem: OSError = OSError(f"no address for {host}")
    addresses = resolve(host, port, deadline)
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds_left(deadline) / (len(addresses) - tried))
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


class _Wire:
    """What http.client uses of a socket, with one deadline for all that is sent and received.

    A socket's own timeout begins anew with every byte: a server that drips would hold the poll for ever.
    """

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self._raw, self._deadline = raw, deadline

    def __enter__(self) -> _Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def sendall(self, data: Any) -> None:
        self._raw.settimeout(seconds_left(self._deadline))
        self._raw.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode  # http.client reads, and nothing else
        return io.BufferedReader(_Received(self._raw, self._deadline))

    def close(self) -> None:
        """Leave the socket open until the answer is read."""


class _Received(io.RawIOBase):
    """The bytes that arrive before the deadline."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._raw.settimeout(seconds_left(self._deadline))
        return self._raw.recv_into(buffer)

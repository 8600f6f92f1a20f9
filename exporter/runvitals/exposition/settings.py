"""The settings of the web server: where it listens and what it allows a client."""

from __future__ import annotations

import math
from typing import NamedTuple

from runvitals.catalogue.alerts import RUNBOOKS, check_link
from runvitals.settings import Settings

_EXAMPLES = 'for example ":9877", "127.0.0.1:9877" or "[::1]:9877"'


class ListenAddress(NamedTuple):
    """Host and port to listen on. An empty host means every address of the machine, port 0 any free port."""

    host: str
    port: int


class WebSettings(Settings, frozen=True, kw_only=True):
    """Settings of the web server; seconds and bytes.

    `config_file` says who may read, and how the server is known (TLS, client certificates, users, headers), in the
    format of Prometheus's exporters. `request_timeout_seconds` counts from a request's first byte to its answer's last,
    `idle_timeout_seconds` from then to the next request. Beyond `max_connections` a new connection displaces the one
    that has waited longest. `runbook_url` is the address of runbooks.md, for links of pages and of the fast path.
    """

    listen_address: str = ":9877"
    config_file: str = ""
    enable_lifecycle: bool = False
    request_timeout_seconds: float = 10.0
    idle_timeout_seconds: float = 120.0
    max_connections: int = 128
    max_request_bytes: int = 65536
    runbook_url: str = RUNBOOKS

    def __post_init__(self) -> None:
        """Check what the types cannot say; raises ValueError with the remedy."""
        parse_listen_address(self.listen_address)
        _check_seconds("request_timeout_seconds", self.request_timeout_seconds)
        _check_seconds("idle_timeout_seconds", self.idle_timeout_seconds)
        _check_at_least("max_connections", self.max_connections, 1)
        _check_at_least("max_request_bytes", self.max_request_bytes, 1024)
        check_link("runbook_url", self.runbook_url)


def parse_listen_address(text: str) -> ListenAddress:
    """Split "host:port", ":port" or "[IPv6 address]:port"; raises ValueError with an example of what is right."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is no address to listen on: write host:port, {_EXAMPLES}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r} is no address to listen on: an IPv6 address stands in brackets, {_EXAMPLES}")
    return ListenAddress(host, int(port))


def _check_seconds(name: str, value: float) -> None:
    if not (math.isfinite(value) and 0 < value <= 3600):
        raise ValueError(f"{name} is {value}: it must be above 0 and at most 3600 seconds")


def _check_at_least(name: str, value: int, minimum: int) -> None:
    if value < minimum:
        raise ValueError(f"{name} is {value}: it must be at least {minimum}")

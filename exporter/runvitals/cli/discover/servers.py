"""Ports of this machine that answer `/metrics` as a model server does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from runvitals.cli.discover.listing import Found
from runvitals.sources.prometheus.body import page_text
from runvitals.sources.prometheus.engines import ENGINES
from runvitals.sources.prometheus.http_get import BadAnswerError, NoAnswerError, Target, get
from runvitals.sources.prometheus.page import PageReader, PageTooSlowError
from runvitals.sources.prometheus.picks import Picks
from runvitals.sources.prometheus.settings import PrometheusSettings
from runvitals.sources.prometheus.vocabulary import Vocabulary

TIMEOUT_SECONDS = 0.5
MAX_PORTS = 128
_SMALLEST_PORT = 1024  # below are the system's own services, which are asked nothing
_LOCAL = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104  # where others listen; nothing is opened there
_THREADS = 8

PATHS = tuple(dict.fromkeys(engine.path for engine in ENGINES))
"""Where servers show their metrics."""


class Page(NamedTuple):
    """A page of metrics that is known: its address, who serves it, and as which process (None: not to be seen)."""

    url: str
    server: str
    pid: int | None


def find() -> dict[int, Page]:
    """Return the known pages of this machine by port; only loopback is asked."""
    listening = dict(_listening())
    ports = sorted(listening)[:MAX_PORTS]
    with ThreadPoolExecutor(_THREADS) as threads:
        answers = threads.map(lambda port: _ask(port, listening[port][0]), ports)
        return {port: Page(*answer, listening[port][1]) for port, answer in zip(ports, answers, strict=True) if answer}


def sources(pages: dict[int, Page]) -> Iterator[Found]:
    """Yield a source for each page."""
    for port, page in pages.items():
        whose = f" (pid {page.pid})" if page.pid else ""
        yield Found({"kind": "prometheus", "url": page.url}, f"{page.server} answers on port {port}{whose}")


def _listening() -> Iterator[tuple[int, tuple[str, int | None]]]:
    """Yield each TCP port that loopback reaches, with the address to ask and the pid where it may be seen."""
    for one in psutil.net_connections(kind="tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr:
            host, port = one.laddr
            if host in _LOCAL and port >= _SMALLEST_PORT:
                yield port, ("::1" if host == "::1" else "127.0.0.1", one.pid)


def _ask(port: int, host: str) -> tuple[str, str] | None:
    """Return the first address of the port that shows a known server's metrics, and the server's name."""
    for path in PATHS:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
        try:
            return url, " and ".join(_servers_at(url))
        except (BadAnswerError, PageTooSlowError):
            continue
        except NoAnswerError:  # it is not asked again
            break
    return None


def _servers_at(url: str) -> list[str]:
    """Return the servers whose metrics stand at the address, told as the source tells them.

    Raises NoAnswerError, and BadAnswerError or PageTooSlowError where there are none.
    """
    settings = PrometheusSettings(url=url)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    text = page_text(get(Target(urlsplit(url), {}, None), TIMEOUT_SECONDS, settings.max_bytes), Counter())
    reader = PageReader(Vocabulary(ENGINES, Picks(settings.metrics)), settings.max_series)
    page = reader.read(text, deadline, Counter())
    if not page.engines:
        raise BadAnswerError("no known server's metrics")
    return [engine.name for engine in ENGINES if engine.name in page.engines]

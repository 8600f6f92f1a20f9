"""Ports of this machine that answer `/metrics` as a model server does."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import NamedTuple

import psutil

from runvitals.cli.discover.listing import Found

TIMEOUT_SECONDS = 0.5
MAX_PORTS = 128
MAX_BYTES = 1 << 20
_PIECE_BYTES = 65536
_SMALLEST_PORT = 1024  # below are the system's own services, which are asked nothing
_LOCAL = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104  # where others listen; nothing is opened there
_THREADS = 8

PATHS = ("/metrics", "/monitoring/prometheus/metrics")

MARKS = {
    "vllm:": "vLLM",
    "sglang:": "SGLang",
    "tgi_": "TGI",
    "nv_inference_": "Triton",
    "nv_trt_llm_": "Triton with TensorRT-LLM",
    "trtllm_": "trtllm-serve",
    "ts_inference_": "TorchServe",
    ":tensorflow:": "TensorFlow Serving",
    "llamacpp:": "llama.cpp",
    "ray_serve_": "Ray Serve",
    "request_predict_seconds": "KServe",
    "DCGM_FI_": "DCGM exporter",
}
"""How the names of a server's metrics begin."""


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


def server_of(lines: Iterable[str]) -> str | None:
    """Return which server writes such a page; None where no name of a metric is known."""
    for line in lines:
        for mark, server in MARKS.items():
            if line.startswith(mark):
                return server
    return None


def _listening() -> Iterator[tuple[int, tuple[str, int | None]]]:
    """Yield each TCP port that loopback reaches, with the address to ask and the pid where it may be seen."""
    for one in psutil.net_connections(kind="tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr:
            host, port = one.laddr
            if host in _LOCAL and port >= _SMALLEST_PORT:
                yield port, ("::1" if host == "::1" else "127.0.0.1", one.pid)


def _ask(port: int, host: str) -> tuple[str, str] | None:
    for path in PATHS:
        server = server_of(_page(host, port, path))
        if server is not None:
            shown = f"[{host}]" if ":" in host else host
            return f"http://{shown}:{port}{path}", server
    return None


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Return what comes of a body in time, up to MAX_BYTES: a page that never ends is not waited for."""
    content, until = b"", time.monotonic() + TIMEOUT_SECONDS
    while len(content) < MAX_BYTES and time.monotonic() < until and (piece := answer.read1(_PIECE_BYTES)):
        content += piece
    return content


def _page(host: str, port: int, path: str) -> list[str]:
    """Return the first lines of a page; none where nothing answers in time, or not as a server of pages does."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "runvitals-discover"})
        answer = connection.getresponse()
        return _read(answer).decode("utf-8", "replace").splitlines() if answer.status == HTTPStatus.OK else []
    except (OSError, http.client.HTTPException):
        return []
    finally:
        connection.close()

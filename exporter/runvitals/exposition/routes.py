"""Which path answers what."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Hashable
from http import HTTPStatus
from typing import NamedTuple

from runvitals.exposition.accept import accepts_gzip
from runvitals.exposition.answer import HTML, JSON, YAML, Answer, Request, sentence
from runvitals.exposition.backend import Backend, ReloadStatus
from runvitals.exposition.faults_json import faults_json
from runvitals.exposition.findings_json import findings_json, most_urgent, ordered_findings
from runvitals.exposition.landing_page import CONTENT_SECURITY_POLICY, landing_page
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.exposition.reloading import Reloading
from runvitals.exposition.rendered import RenderedPages
from runvitals.exposition.threads import in_thread
from runvitals.values import Snapshot

_READ = ("GET", "HEAD")
_logger = logging.getLogger(__name__)


class Clocks(NamedTuple):
    """Where the time comes from, in seconds: Unix time, and a clock that never goes back."""

    wall: Callable[[], float]
    steady: Callable[[], float]


class Route(NamedTuple):
    """The methods a path takes, and what answers it."""

    methods: tuple[str, ...]
    answer: Callable[[Request], Awaitable[Answer]]


class Routes:
    """Answers every request, with an error page at worst."""

    def __init__(self, backend: Backend, enable_lifecycle: bool, clocks: Clocks) -> None:
        self._backend = backend
        self._clocks = clocks
        self._failures = LogOnce(_logger)
        self._pages = RenderedPages()
        self._routes = {
            "/": Route(_READ, self._landing),
            "/metrics": Route(_READ, self._metrics),
            "/findings": Route(_READ, self._findings),
            "/faults": Route(_READ, self._faults),
            "/config": Route(_READ, self._config),
            "/-/healthy": Route(_READ, self._healthy),
            "/-/ready": Route(_READ, self._ready),
            "/-/reload": Route(("POST",), Reloading(backend, enable_lifecycle).answer),
        }

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request: 404 for an unknown path, 405 for a wrong method, 500 where ours failed."""
        route = self._routes.get(request.path)
        if route is None:
            return sentence(HTTPStatus.NOT_FOUND, f"There is nothing here; try {' '.join(self._routes)}")
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return sentence(HTTPStatus.METHOD_NOT_ALLOWED, f"This takes {allowed}.", {"Allow": allowed})
        return await self._guarded(route, request)

    async def _guarded(self, route: Route, request: Request) -> Answer:
        try:
            return await route.answer(request)
        except Exception as error:  # noqa: BLE001 - one failing page never harms the others
            self._failures.failure(f"the answer on {request.path}", error)
            return sentence(HTTPStatus.INTERNAL_SERVER_ERROR, "This page failed; the log says why.")

    def _snapshot(self) -> Snapshot | None:
        try:
            return self._backend.snapshot()
        except Exception as error:  # noqa: BLE001 - what the sidecar says of itself is shown all the same
            self._failures.failure("the snapshot", error)
            return None

    def _reload_status(self) -> ReloadStatus | None:
        try:
            return self._backend.reload_status()
        except Exception as error:  # noqa: BLE001 - one failing part never blanks the page
            self._failures.failure("the state of the config", error)
            return None

    async def _rendered(self, key: Hashable, render: Callable[[Snapshot | None], bytes]) -> bytes:
        snapshot = self._snapshot()
        return await self._pages.get(snapshot, self._clocks.steady(), key, lambda: render(snapshot))

    async def _metrics(self, request: Request) -> Answer:
        output = negotiate(request.headers.get("Accept", ""))
        is_gzipped = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        status = self._reload_status()
        body = await self._rendered(
            ("metrics", output.content_type, is_gzipped, status),
            lambda snapshot: metrics_page(snapshot, status, output, is_gzipped, self._failures),
        )
        encoding = {"Content-Encoding": "gzip"} if is_gzipped else {}
        return Answer(HTTPStatus.OK, output.content_type, body, {"Vary": "Accept, Accept-Encoding", **encoding})

    async def _findings(self, _request: Request) -> Answer:
        body = await self._rendered(
            "findings", lambda snapshot: findings_json(most_urgent(ordered_findings(snapshot)), self._failures)
        )
        return Answer(HTTPStatus.OK, JSON, body)

    async def _faults(self, _request: Request) -> Answer:
        body = await self._rendered("faults", lambda snapshot: faults_json(snapshot, self._failures))
        return Answer(HTTPStatus.OK, JSON, body)

    async def _landing(self, _request: Request) -> Answer:
        body = await self._rendered("landing", lambda snapshot: landing_page(snapshot, self._clocks.wall()))
        return Answer(HTTPStatus.OK, HTML, body, {"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    async def _config(self, _request: Request) -> Answer:
        text = await in_thread(self._backend.config_text)
        return Answer(HTTPStatus.OK, YAML, text.encode("utf-8", "replace"))

    async def _healthy(self, _request: Request) -> Answer:
        return sentence(HTTPStatus.OK, "The sidecar lives.")

    async def _ready(self, _request: Request) -> Answer:
        snapshot = self._snapshot()
        if snapshot is None or not snapshot.ready:
            return sentence(HTTPStatus.SERVICE_UNAVAILABLE, "Not ready: not every source has answered or failed yet.")
        return sentence(HTTPStatus.OK, "Ready: every source has answered or failed once.")

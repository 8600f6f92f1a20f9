"""Which path answers what."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Awaitable, Callable, Hashable
from http import HTTPStatus
from typing import NamedTuple

from runvitals.exposition.accept import accepts_gzip
from runvitals.exposition.answer import HTML, JSON, YAML, Answer, Request, sentence
from runvitals.exposition.backend import Backend, ReloadStatus
from runvitals.exposition.faults_json import faults_json
from runvitals.exposition.findings_json import findings_json, most_urgent, ordered_findings
from runvitals.exposition.incident_json import incident_json
from runvitals.exposition.incident_records import IncidentRecords
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.exposition.reloading import Reloading
from runvitals.exposition.rendered import RenderedPages
from runvitals.exposition.settings import WebSettings
from runvitals.exposition.status_page import frame
from runvitals.exposition.status_page.incident_page import incident_page
from runvitals.exposition.status_page.incidents import MAX_INCIDENTS
from runvitals.exposition.status_page.page import status_page
from runvitals.exposition.threads import in_thread
from runvitals.values import Snapshot

_READ = ("GET", "HEAD")
_INCIDENTS = "/incidents/"
_EXPORT = ".json"
_GZIP_LEVEL = 3
_logger = logging.getLogger(__name__)


class Clocks(NamedTuple):
    """Where the time comes from, in seconds: Unix time, and a clock that never goes back."""

    wall: Callable[[], float]
    steady: Callable[[], float]


class Route(NamedTuple):
    """The methods a path takes, and what answers it."""

    methods: tuple[str, ...]
    answer: Callable[[Request], Awaitable[Answer]]


_NO_INCIDENT = sentence(HTTPStatus.NOT_FOUND, "There is no such incident: / has a list of them.")


class Routes:
    """Answers every request, with an error page at worst."""

    def __init__(self, backend: Backend, settings: WebSettings, clocks: Clocks) -> None:
        self._backend = backend
        self._clocks = clocks
        self._runbooks = settings.runbook_url
        self._failures = LogOnce(_logger)
        self._pages = RenderedPages()
        self._incidents = IncidentRecords(backend, self._failures)
        self._routes = {
            "/": Route(_READ, self._status),
            "/metrics": Route(_READ, self._metrics),
            "/findings": Route(_READ, self._findings),
            "/faults": Route(_READ, self._faults),
            "/config": Route(_READ, self._config),
            "/-/healthy": Route(_READ, self._healthy),
            "/-/ready": Route(_READ, self._ready),
            "/-/reload": Route(("POST",), Reloading(backend, settings.enable_lifecycle).answer),
        }

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request: 404 for an unknown path, 405 for a wrong method, 500 where ours failed."""
        route = self._route(request.path)
        if route is None:
            return sentence(HTTPStatus.NOT_FOUND, f"There is nothing here; try {' '.join(self._routes)}")
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return sentence(HTTPStatus.METHOD_NOT_ALLOWED, f"This takes {allowed}.", {"Allow": allowed})
        return await self._guarded(route, request)

    def _route(self, path: str) -> Route | None:
        return Route(_READ, self._incident) if path.startswith(_INCIDENTS) else self._routes.get(path)

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

    async def _status(self, request: Request) -> Answer:
        self._backend.look()
        return await self._html(request, self._status_page)

    def _status_page(self, snapshot: Snapshot | None) -> bytes:
        past = self._incidents.newest(MAX_INCIDENTS, snapshot, self._clocks.steady())
        return status_page(snapshot, past, self._clocks.wall())

    async def _incident(self, request: Request) -> Answer:
        name = request.path.removeprefix(_INCIDENTS)
        if name.endswith(_EXPORT):
            return await self._export(name.removesuffix(_EXPORT))
        return await self._html(request, lambda snapshot: self._incident_page(name, snapshot))

    def _incident_page(self, identity: str, snapshot: Snapshot | None) -> bytes:
        record = self._incidents.find(identity, snapshot)
        return incident_page(record, self._clocks.wall(), self._runbooks) if record else b""

    async def _export(self, identity: str) -> Answer:
        record = await in_thread(lambda: self._incidents.find(identity, self._snapshot()))
        if record is None:
            return _NO_INCIDENT
        download = {"Content-Disposition": 'attachment; filename="runvitals-incident.json"'}
        return Answer(HTTPStatus.OK, JSON, f"{incident_json(record)}\n".encode(), download)

    async def _html(self, request: Request, render: Callable[[Snapshot | None], bytes]) -> Answer:
        """Return a page that a person reads; nothing rendered is nothing found."""
        is_gzipped = accepts_gzip(request.headers.get("Accept-Encoding", ""))

        def page(snapshot: Snapshot | None) -> bytes:
            body = render(snapshot)
            return gzip.compress(body, _GZIP_LEVEL, mtime=0) if body and is_gzipped else body

        body = await self._rendered((request.path, is_gzipped), page)
        if not body:
            return _NO_INCIDENT
        encoding = {"Content-Encoding": "gzip"} if is_gzipped else {}
        return Answer(HTTPStatus.OK, HTML, body, {**frame.HEADERS, "Vary": "Accept-Encoding", **encoding})

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

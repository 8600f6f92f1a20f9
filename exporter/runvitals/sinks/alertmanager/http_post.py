"""Posts alerts to one Alertmanager, within a deadline, whatever it does."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.sources.prometheus.credentials import authorization, tls_context
from runvitals.sources.prometheus.http_get import BadAnswerError, NoAnswerError, Target, connected, explained

PATH = "/api/v2/alerts"
_MAX_SENTENCE = 200


class RefusedError(Exception):
    """Alertmanager took those of the alerts that it could, and will never take the others."""


def target_of(url: str, settings: AlertmanagerSettings) -> Target:
    """Return where to post and as whom; files are read anew. Raises OSError or ValueError where one cannot be read."""
    parts = urlsplit(url.rstrip("/") + PATH)
    headers = {"Content-Type": "application/json", "User-Agent": "runvitals", "Connection": "close"}
    headers |= authorization("", settings.bearer_token_file, settings.basic_auth)
    context = tls_context(settings.tls) if parts.scheme == "https" else None
    return Target(parts, headers, context, settings.tls.server_name)


def post(target: Target, payloads: Sequence[Mapping[str, Any]], timeout: float) -> None:
    """Post alerts. Raises NoAnswerError, BadAnswerError where to try again may help, RefusedError where it does not."""
    body = msgspec.json.encode(payloads)
    deadline = time.monotonic() + timeout
    with explained(timeout), connected(target, deadline) as wire:
        connection = http.client.HTTPConnection(target.url.netloc)
        connection.sock = wire  # all that http.client uses of a socket
        connection.request("POST", target.url.path, body, dict(target.headers))
        answer = connection.getresponse()
        _check(answer.status, answer.read(_MAX_SENTENCE))


def _check(status: int, said: bytes) -> None:
    if status == 200:
        return
    if status == 400:
        raise RefusedError(f"HTTP 400: {said.decode('utf-8', 'replace')}")
    if status in (401, 403):
        raise BadAnswerError(f"HTTP {status}: it wants to know who posts; set basic_auth or bearer_token_file")
    if status == 404:
        raise BadAnswerError(f"HTTP 404: no Alertmanager answers at {PATH}; check the URL's path")
    raise NoAnswerError(f"HTTP {status} instead of 200")

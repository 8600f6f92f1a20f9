"""What stands between a client and the pages, read anew when its files change."""

from __future__ import annotations

import logging
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import Any

from runvitals.exposition.answer import Answer, sentence
from runvitals.exposition.web_config.file import WebConfigError, read_web_config
from runvitals.exposition.web_config.passwords import Known, Passwords, check_bcrypt
from runvitals.exposition.web_config.settings import TlsServerSettings, WebConfig
from runvitals.exposition.web_config.tls import is_allowed, server_context

_ASK = {"WWW-Authenticate": 'Basic realm="runvitals", charset="UTF-8"'}
_logger = logging.getLogger(__name__)


class Gate:
    """Says who may pass. Without a file everybody may, without TLS.

    A file that has changed, or whose certificate has, is taken up with the next connection or request. One that cannot
    be used any more is logged, and what was read before holds. Protection is taken away at the start only, be it TLS,
    the passwords or the clients' certificates: a file that is being written anew is empty at first, and then half.
    """

    def __init__(self, path: str) -> None:
        """Read the file, if any. Raises WebConfigError."""
        self._path = Path(path) if path else None
        self._passwords = Passwords()
        self.config = WebConfig()
        self.context: ssl.SSLContext | None = None
        self._named: list[str] = []
        self._seen: object = None
        if self._path:
            self.config, self.context = self._read(self._path)

    @property
    def speaks_tls(self) -> bool:
        """Whether connections begin with a TLS handshake."""
        return self.context is not None

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every answer, over those that the server sends by itself."""
        return self.config.http_server_config.headers

    def refresh(self) -> None:
        """Read the file again if it has changed, or one that it names."""
        if self._path is None or (seen := _identities([str(self._path), *self._named])) == self._seen:
            return
        self._seen = seen
        try:
            config, context = self._read(self._path)
        except WebConfigError as error:
            self._keep(str(error))
            return
        if (context is None) == self.speaks_tls:
            self._keep(f"{self._path}: TLS is switched on or off at the start only; restart the sidecar")
        elif lost := _lost(self.config, config):
            self._keep(f"{self._path}: {lost} is gone, which counts from the start on only; restart the sidecar")
        else:
            self.config, self.context = config, context
            _logger.info("the web config %s was read again", self._path)

    async def refusal(self, authorization: str, certificate: Any) -> Answer | None:
        """Return the answer to a request that may not pass; None to one that may.

        `certificate` is the client's, as `ssl.SSLSocket.getpeercert` gives it; None without.
        """
        tls = self.config.tls_server_config
        if tls and tls.needs_certificate and not certificate:  # the connection is from before it was needed
            return sentence(HTTPStatus.FORBIDDEN, "A certificate is needed: connect again.")
        if tls and tls.client_allowed_sans and not is_allowed(certificate or {}, tls.client_allowed_sans):
            return sentence(HTTPStatus.FORBIDDEN, "The certificate shown has none of the names that may read this.")
        users = self.config.basic_auth_users
        known = await self._passwords.check(users, authorization) if users else Known.YES
        if known is Known.NO:
            return sentence(HTTPStatus.UNAUTHORIZED, "A user and a password are needed.", _ASK)
        if known is Known.BUSY:
            return sentence(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too many passwords are being checked.", {"Retry-After": "5"}
            )
        return None

    def close(self) -> None:
        """Let go of the thread that compares passwords."""
        self._passwords.close()

    def _keep(self, problem: str) -> None:
        _logger.error("the web config cannot be used, and the one before still holds: %s", problem)

    def _read(self, path: Path) -> tuple[WebConfig, ssl.SSLContext | None]:
        """Return what the files say. What they are like is noted before: one that changes meanwhile is read again."""
        before = _identities([str(path)])
        config = read_web_config(path)
        self._named = config.tls_server_config.files if config.tls_server_config else []
        self._seen = before + _identities(self._named)
        if config.basic_auth_users:
            check_bcrypt()
        return config, server_context(config.tls_server_config) if config.tls_server_config else None


def _lost(before: WebConfig, after: WebConfig) -> str:
    """Return what protects the pages by the first config and no more by the second; nothing where all of it stays."""
    old, new = before.tls_server_config, after.tls_server_config
    if before.basic_auth_users and not after.basic_auth_users:
        return "basic_auth_users"
    if old and new and _strictness(old) > _strictness(new):
        return "client_auth_type"
    return "client_allowed_sans" if old and new and old.client_allowed_sans and not new.client_allowed_sans else ""


def _strictness(tls: TlsServerSettings) -> int:
    return tls.verifies_clients + tls.needs_certificate


def _identities(files: list[str]) -> list[tuple[int, ...] | None]:
    return [_identity(file) for file in files]


def _identity(file: str) -> tuple[int, ...] | None:
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

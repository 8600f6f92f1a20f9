"""Who asks, and how the server is known: read from files at each poll, so that what rotates is taken up."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

from runvitals.sources.prometheus.settings import BasicAuthSettings, PrometheusSettings, TlsSettings

_MAX_SECRET = 65_536
_ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"


def request_headers(settings: PrometheusSettings) -> dict[str, str]:
    """Return the headers of a request. Raises OSError or ValueError, with the file, where a secret cannot be read."""
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip", "User-Agent": "runvitals", "Connection": "close"}
    return headers | authorization(settings.bearer_token, settings.bearer_token_file, settings.basic_auth)


def authorization(token: str, token_file: str, basic_auth: BasicAuthSettings | None) -> dict[str, str]:
    """Return the header that says who asks, if any. Raises as `request_headers` does."""
    token = token or _secret(token_file)
    if token:
        return {"Authorization": f"Bearer {_checked(token)}"}
    if basic_auth:
        password = basic_auth.password or _secret(basic_auth.password_file)
        pair = f"{basic_auth.username}:{password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return how the server is known. Raises OSError, with the file, where one cannot be read."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:
        raise OSError(f"ca_file {settings.ca_file}: {error.strerror or error}") from None
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file or None, password=_no_password)
        except OSError as error:
            raise OSError(f"cert_file {settings.cert_file}: {error.strerror or error}") from None
    return context


def _no_password() -> str:
    """Take the place of a question on the terminal, which nobody would answer."""
    return ""


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_MAX_SECRET)
    except OSError as error:
        raise OSError(f"{file}: {error.strerror}") from None
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8") from None


def _checked(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the bearer token holds a space, a line break or a character that no header may hold")
    return token

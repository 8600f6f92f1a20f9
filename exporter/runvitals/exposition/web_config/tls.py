"""The server's certificate, taken up anew when its files change, and which clients it accepts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runvitals.exposition.web_config.file import WebConfigError
from runvitals.exposition.web_config.settings import TlsServerSettings


def server_context(settings: TlsServerSettings) -> ssl.SSLContext:
    """Return how the server speaks TLS. Raises WebConfigError where a file cannot be used, with its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = settings.versions
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if settings.ciphers:
        context.set_ciphers(settings.ciphers)
    _load_certificate(context, settings)
    if settings.verifies_clients:
        _load_client_ca(context, settings)
    return context


def is_allowed(certificate: Mapping[str, Any], allowed: list[str]) -> bool:
    """Tell whether a client's certificate has one of the alternative names; an empty list allows every one."""
    names = {name for _, name in certificate.get("subjectAltName", ())}
    return not allowed or bool(names & set(allowed))


def _load_certificate(context: ssl.SSLContext, settings: TlsServerSettings) -> None:
    _check_readable("cert_file", settings.cert_file)
    _check_readable("key_file", settings.key_file)
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except (OSError, ValueError) as error:
        problem = "the key is not that of the certificate" if "MISMATCH" in str(error) else _of_openssl(error)
        raise WebConfigError(f"cert_file {settings.cert_file}, key_file {settings.key_file}: {problem}") from error


def _load_client_ca(context: ssl.SSLContext, settings: TlsServerSettings) -> None:
    context.verify_mode = ssl.CERT_REQUIRED if settings.needs_certificate else ssl.CERT_OPTIONAL
    _check_readable("client_ca_file", settings.client_ca_file)
    try:
        context.load_verify_locations(settings.client_ca_file)
    except (OSError, ValueError) as error:
        raise WebConfigError(f"client_ca_file {settings.client_ca_file}: {_of_openssl(error)}") from error


def _check_readable(name: str, file: str) -> None:
    """Raise WebConfigError with the name of the file, which OpenSSL would not tell."""
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise WebConfigError(f"{name} {file}: {error.strerror}") from error


def _of_openssl(error: Exception) -> str:
    reason = getattr(error, "reason", None) or "it has another form"
    return f"no usable PEM ({reason.lower().replace('_', ' ')}); an encrypted key must be decrypted"


def _no_password() -> str:
    """Take the place of a question on the terminal, which nobody would answer."""
    return ""

"""What stands in a web config file."""

from __future__ import annotations

import re
import ssl
from typing import Literal

import msgspec

from runvitals.settings import Settings

HEADERS = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)
"""The headers that may be set, as in exporter-toolkit."""

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSIONS = ("TLS10", "TLS11")
_BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_MAX_COST = 16  # four seconds of a core for one password
_SUITE = re.compile(
    r"TLS_(ECDHE_RSA|ECDHE_ECDSA)_WITH_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)"
)


class TlsServerSettings(Settings, frozen=True):
    """TLS of the server. Python knows no way to ask for a client's certificate without verifying it."""

    cert_file: str = ""
    key_file: str = ""
    client_auth_type: Literal["", "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = ""
    client_ca_file: str = ""
    client_allowed_sans: list[str] = []
    min_version: str = "TLS12"
    max_version: str = ""
    cipher_suites: list[str] = []
    prefer_server_cipher_suites: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot work, or would not protect."""
        if not self.cert_file or not self.key_file:
            raise ValueError("tls_server_config needs both cert_file and key_file")
        if self.verifies_clients and not self.client_ca_file:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs client_ca_file")
        if not self.verifies_clients and (self.client_ca_file or self.client_allowed_sans):
            raise ValueError("client_ca_file and client_allowed_sans need client_auth_type RequireAndVerifyClientCert")
        for name, version in (("min_version", self.min_version), ("max_version", self.max_version)):
            _check_version(name, version)
        for suite in self.cipher_suites:
            if not _SUITE.fullmatch(suite):
                raise ValueError(
                    f"cipher_suites: {suite!r} is none that is offered; TLS 1.3 has its own and needs none"
                )

    @property
    def verifies_clients(self) -> bool:
        """Whether a certificate that a client shows is verified."""
        return self.client_auth_type not in ("", "NoClientCert")

    @property
    def needs_certificate(self) -> bool:
        """Whether a client without a certificate is refused."""
        return self.client_auth_type == "RequireAndVerifyClientCert"

    @property
    def files(self) -> list[str]:
        """The files that are named."""
        return [file for file in (self.cert_file, self.key_file, self.client_ca_file) if file]

    @property
    def versions(self) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
        """The lowest and the highest version of the protocol."""
        return _VERSIONS[self.min_version or "TLS12"], _VERSIONS[self.max_version or "TLS13"]

    @property
    def ciphers(self) -> str:
        """The cipher suites in OpenSSL's spelling; empty for its own choice."""
        return ":".join(_openssl_name(suite) for suite in self.cipher_suites)


class HttpServerSettings(Settings, frozen=True):
    """Headers of every answer. HTTP/2 is not spoken, whatever `http2` says."""

    http2: bool = True
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse headers that may not be set, and values that are none."""
        for name, value in self.headers.items():
            if name not in HEADERS:
                raise ValueError(f"the header {name!r} cannot be set; those that can: {', '.join(HEADERS)}")
            if not value.isprintable():
                raise ValueError(f"the value of the header {name} holds a line end or a control character")


class WebConfig(Settings, frozen=True):
    """A whole web config file; an empty one protects nothing."""

    tls_server_config: TlsServerSettings | None = None
    http_server_config: HttpServerSettings = HttpServerSettings()
    basic_auth_users: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse passwords that are no bcrypt hash; they are never shown."""
        for user, hashed in self.basic_auth_users.items():
            if not _BCRYPT.fullmatch(hashed):
                raise ValueError(
                    f"basic_auth_users: {user!r} has no bcrypt hash: write what `htpasswd -nBC 10 {user}` prints"
                )
            if int(hashed[4:6]) > _MAX_COST:
                raise ValueError(
                    f"basic_auth_users: the hash of {user!r} costs more than {_MAX_COST}, too long for a request"
                )
            if ":" in user:
                raise ValueError(f"basic_auth_users: {user!r} holds a colon, which ends a name in HTTP")


def _check_version(name: str, version: str) -> None:
    if version in _OLD_VERSIONS:
        raise ValueError(f"{name}: {version} is broken; use TLS12 or TLS13")
    if version and version not in _VERSIONS:
        raise ValueError(f"{name} is {version!r}: it must be TLS12 or TLS13")


def _openssl_name(suite: str) -> str:
    exchange, _, cipher = suite.removeprefix("TLS_").partition("_WITH_")
    cipher = cipher.removesuffix("_SHA256") if "CHACHA20" in cipher else cipher
    return f"{exchange}_{cipher}".replace("AES_", "AES").replace("_", "-")

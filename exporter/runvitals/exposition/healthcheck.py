"""`python -m runvitals.exposition.healthcheck`: whether the sidecar beside it answers, for a container's health check.

Where the sidecar listens is told by what tells the sidecar: the flags of the container's first process, else the
variables, else the config file. It imports next to nothing, since it runs every half minute for as long as the sidecar
does. An answer that refuses (a password or a certificate is asked for) is an answer: who may read is not the question.

Exit codes: 0 the sidecar answers; 1 it does not, and the line on standard output says why.
"""

from __future__ import annotations

import argparse
import http.client
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 5.0
_FIRST_PROCESS = Path("/proc/1/cmdline")
_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not listened on


class Listener(NamedTuple):
    """Where the sidecar answers, and whether it speaks TLS."""

    host: str
    port: int
    speaks_tls: bool


def find_listener(arguments: Sequence[str], environment: Mapping[str, str]) -> Listener:
    """Return where a sidecar with these arguments and variables listens. Raises ValueError and OSError."""
    flags = _flags(arguments)
    config_file = flags.get("config_file") or environment.get("RUNVITALS_CONFIG_FILE")
    web = _section(_read(config_file), "web") if config_file else {}
    address = (
        flags.get("listen_address") or environment.get("RUNVITALS_WEB_LISTEN_ADDRESS") or web.get("listen_address")
    )
    web_config_file = (
        flags.get("web_config_file") or environment.get("RUNVITALS_WEB_CONFIG_FILE") or web.get("config_file")
    )
    speaks_tls = bool(web_config_file and _section(_read(web_config_file), "tls_server_config"))
    host, port = _split(str(address or ":9877"))
    return Listener(_EVERY_ADDRESS.get(host, host), port, speaks_tls)


def ask(listener: Listener, seconds: float) -> str:
    """Return what the sidecar answered, in words. Raises OSError and http.client.HTTPException where it did not."""
    connection = _connection(listener, seconds)
    try:
        connection.request("GET", "/-/healthy")
        return f"it answers {connection.getresponse().status}"
    except (ssl.SSLError, ConnectionResetError) as error:
        if not listener.speaks_tls:
            raise
        return f"it answers, and refuses the handshake: {error}"  # without a client's certificate
    finally:
        connection.close()


def main() -> int:
    """Ask once; return the exit code."""
    try:
        arguments = _FIRST_PROCESS.read_bytes().decode(errors="replace").split("\0")
        print(ask(find_listener(arguments, os.environ), SECONDS))  # noqa: T201 - a command prints
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"the sidecar does not answer: {error or type(error).__name__}")  # noqa: T201
        return 1
    return 0


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config.file", dest="config_file")
    parser.add_argument("--web.listen-address", dest="listen_address")
    parser.add_argument("--web.config.file", dest="web_config_file")
    return vars(parser.parse_known_args(arguments)[0])


def _read(path: str) -> dict[str, Any]:
    import yaml  # where there is no file, there is nothing to parse

    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML") from error
    return document if isinstance(document, dict) else {}


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    return section if isinstance(section, dict) else {}


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.strip().rpartition(":")
    if not port.isdecimal() or int(port) == 0:
        raise ValueError(f"web.listen_address is {address!r}: give the sidecar a fixed port")
    return host.strip("[]"), int(port)


def _connection(listener: Listener, seconds: float) -> http.client.HTTPConnection:
    host, port, speaks_tls = listener
    if not speaks_tls:
        return http.client.HTTPConnection(host, port, timeout=seconds)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it asks its own machine, and tells it nothing
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


if __name__ == "__main__":
    sys.exit(main())

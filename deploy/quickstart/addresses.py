"""Where everything listens: on loopback alone, on the usual ports where they are free, else on the next free ones."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
TRIES = 100


class Addresses(NamedTuple):
    """The TCP port of each program."""

    sidecar: int = 9877
    prometheus: int = 9090
    alertmanager: int = 9093
    smtp: int = 1025
    sns: int = 9911


def url(port: int) -> str:
    """Return the address to open in a browser on this machine."""
    return f"http://{LOOPBACK}:{port}"


def choose(usual: Addresses | None = None) -> Addresses:
    """Return free ports, each the first from its usual one on. Raises OSError where none of a hundred is free."""
    usual = Addresses() if usual is None else usual
    chosen: list[int] = []
    for port in usual:
        others = {*chosen, *usual} - {port}
        chosen.append(_first_free(range(port, port + TRIES), others))
    return Addresses(*chosen)


def _first_free(ports: range, others: Collection[int]) -> int:
    for port in ports:
        if port not in others and _is_free(port):
            return port
    raise OSError(f"no port from {ports.start} to {ports.stop - 1} is free on {LOOPBACK}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to listen on
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True

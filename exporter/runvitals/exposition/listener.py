"""The socket the web server listens on, and what to say where it cannot be had."""

from __future__ import annotations

import errno
import socket

from runvitals.exposition.settings import ListenAddress, parse_listen_address

BACKLOG = 1024
"""How many clients the kernel lets wait until they are accepted; it cuts this to what the system allows."""

SEND_BUFFER_BYTES = 262144
"""What the kernel keeps for a client that does not read; left to itself it keeps megabytes."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EACCES: "that is not permitted (ports below 1024 need privileges)",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def listen(text: str) -> socket.socket:
    """Return a socket that listens on "host:port" (see WebSettings); an empty host means IPv6 and IPv4 together.

    Raises OSError with a sentence that names the address and the remedy.
    """
    try:
        listening = _open(parse_listen_address(text))
    except OSError as error:
        raise _explained(text, error) from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    return listening


def _open(address: ListenAddress) -> socket.socket:
    if not address.host:
        return _open_any(address.port)
    family, _, _, _, where = _resolve(address)[0]
    return socket.create_server(where[:2], family=family, backlog=BACKLOG)


def _open_any(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
    return socket.create_server(("", port), backlog=BACKLOG)


_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]


def _resolve(address: ListenAddress) -> list[_AddressInfo]:
    """Return the addresses a host name stands for, IPv4 first, as Go programs do."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return sorted(found, key=lambda info: info[0] != socket.AF_INET)  # type: ignore[arg-type]  # typeshed unites all families


def _explained(text: str, error: OSError) -> OSError:
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    explained = OSError(f"cannot listen on {text!r}: {reason}; choose another address with --web.listen-address")
    explained.errno = error.errno
    return explained

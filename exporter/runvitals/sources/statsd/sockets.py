"""The sockets StatsD datagrams come in by: a failure to open says what to do, and losses are counted."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from pathlib import Path
from typing import NamedTuple

SO_RXQ_OVFL = getattr(socket, "SO_RXQ_OVFL", 40)  # linux/asm-generic/socket.h; Python does not name it
_DROPS = struct.Struct("=I")


class Datagram(NamedTuple):
    """One datagram; `truncated` if it was larger than what is read, `dropped` by the kernel since the one before."""

    payload: bytes
    truncated: bool
    dropped: int


class DatagramSocket:
    """A bound, non-blocking datagram socket."""

    def __init__(self, bound: socket.socket, max_bytes: int, path: Path | None = None) -> None:
        self._socket = bound
        self._max_bytes = max_bytes
        self._path = path
        self._inode = path.lstat() if path else None
        self._dropped = 0

    @property
    def address(self) -> str:
        """Where it listens, as `host:port` or a path."""
        if self._path:
            return str(self._path)
        host, port = self._socket.getsockname()[:2]
        return join_address(host, port)

    @property
    def lossy(self) -> bool:
        """True if the kernel drops what is not read (UDP), False if it makes the sender wait or fail (Unix)."""
        return self._path is None

    def fileno(self) -> int:
        """Return the descriptor, for poll."""
        return self._socket.fileno()

    def receive(self) -> Datagram | None:
        """Return the next datagram, None if there is none now. Raises OSError."""
        try:
            payload, ancillary, flags, _ = self._socket.recvmsg(self._max_bytes, socket.CMSG_SPACE(_DROPS.size))
        except (BlockingIOError, InterruptedError):
            return None
        return Datagram(payload, bool(flags & socket.MSG_TRUNC), self._new_drops(ancillary))

    def close(self) -> None:
        """Close the socket and remove its path, if the path still is this socket's."""
        self._socket.close()
        if self._path and self._inode and _same_file(self._path, self._inode):
            self._path.unlink(missing_ok=True)

    def _new_drops(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL) and len(data) >= _DROPS.size:
                (total,) = _DROPS.unpack_from(data)
                new = (total - self._dropped) % 2**32
                self._dropped = total
                return int(new)
        return 0


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port`, an IPv6 host in brackets. Raises ValueError with the remedy."""
    host, separator, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not separator or not bare or (":" in bare and bare == host) or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{address!r} is not an address; write host:port, for example 127.0.0.1:8125 or [::1]:8125")
    if int(port) > 65535:
        raise ValueError(f"{address!r}: the port must be between 0 and 65535")
    return bare, int(port)


def join_address(host: str, port: int) -> str:
    """Write host and port the way `split_address` reads them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_udp(address: str, max_bytes: int, buffer_bytes: int) -> DatagramSocket:
    """Listen on `host:port`. Raises OSError with a sentence that names the address and the remedy."""
    host, port = split_address(address)
    try:
        family, kind, protocol, _, where = _resolved(host, port)
        return DatagramSocket(_bound(socket.socket(family, kind, protocol), where, buffer_bytes), max_bytes)
    except OSError as error:
        raise OSError(f"StatsD cannot listen on UDP {address}: {_udp_remedy(error)}") from error


def open_unix(path: Path, mode: int, max_bytes: int, buffer_bytes: int) -> DatagramSocket:
    """Listen on a Unix datagram socket at `path`, readable and writable as `mode` says.

    A socket at `path` that nobody listens on is replaced; anything else there is left alone. Raises OSError with a
    sentence that names the path and the remedy.
    """
    try:
        return _opened_unix(path, mode, max_bytes, buffer_bytes)
    except OSError as error:
        raise OSError(f"StatsD cannot listen on {path}: {_unix_remedy(error)}") from error


def _opened_unix(path: Path, mode: int, max_bytes: int, buffer_bytes: int) -> DatagramSocket:
    _remove_stale(path)
    bound = _bound(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(path), buffer_bytes)
    opened = DatagramSocket(bound, max_bytes, path)
    try:
        path.chmod(mode)
    except OSError:
        opened.close()
        raise
    return opened


def _resolved(host: str, port: int) -> tuple[int, int, int, str, object]:
    """Look up a host, an IPv4 address first: who sends to `localhost` mostly means 127.0.0.1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return min(found, key=lambda address: address[0] != socket.AF_INET)


def _bound(unbound: socket.socket, where: object, buffer_bytes: int) -> socket.socket:
    try:
        unbound.setblocking(False)
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        unbound.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        unbound.bind(where)  # type: ignore[arg-type]  # getaddrinfo and a path give what bind takes
    except BaseException:
        unbound.close()
        raise
    return unbound


def _remove_stale(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise OSError(errno.EEXIST, "it is there already and is no socket")
    if not _is_listening(path):
        path.unlink()
    else:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError as error:
            if error.errno == errno.EPROTOTYPE:  # somebody's stream socket
                return True
            raise
    return True


def _same_file(path: Path, before: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), before)
    except OSError:
        return False


def _udp_remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program has this port; stop it, or give this source another port with `udp`"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; set `udp` to one it has, for example 127.0.0.1:8125"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted; ports below 1024 need a privilege, set `udp` to a higher one"
    return f"{error.strerror or error}; set `udp` to an address of this machine"


def _unix_remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; stop it, or set `unix` to another path"
    if error.errno == errno.EEXIST:
        return "something that is no socket has this path; set `unix` to another path"
    if error.errno == errno.ENOENT:
        return "its folder is missing; make it, or set `unix` to a path in one that exists"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "not permitted; set `unix` to a path in a folder this user may write to"
    return f"{error.strerror or error}; set `unix` to another path"

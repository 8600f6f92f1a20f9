"""From a host's name to its addresses, in time: the system's resolver knows no deadline."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

Addresses = Sequence[tuple[Any, ...]]
"""As `socket.getaddrinfo` returns them."""

_looking: dict[tuple[str, int], threading.Thread] = {}


def resolve(host: str, port: int, deadline: float) -> Addresses:
    """Return the addresses of a host. Raises TimeoutError at the `deadline` (monotonic, seconds), or OSError.

    A look-up that the system does not come back from is waited for by the next, not begun once more.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name: the resolver is asked
    stuck = _looking.get((host, port))
    if stuck:
        stuck.join(seconds_left(deadline))
        if stuck.is_alive():
            raise TimeoutError
    answers: queue.SimpleQueue[Addresses | OSError] = queue.SimpleQueue()
    thread = threading.Thread(target=_look_up, args=(host, port, answers), name=f"resolve-{host}", daemon=True)
    thread.start()
    _looking[host, port] = thread  # only now: another source may ask for the host at this moment, and wait for it
    try:
        answer = answers.get(timeout=seconds_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    _looking.pop((host, port), None)  # two sources may ask for one host
    if isinstance(answer, OSError):
        raise answer
    return answer


def seconds_left(deadline: float) -> float:
    """Return the seconds until the `deadline` (monotonic). Raises TimeoutError where there are none."""
    left = deadline - time.monotonic()
    if left <= 0.0:
        raise TimeoutError
    return left


def _look_up(host: str, port: int, answers: queue.SimpleQueue[Addresses | OSError]) -> None:
    try:
        answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        answers.put(error)
    except UnicodeError:  # a label that is empty or too long
        answers.put(OSError(f"{host[:80]!r} is no host name"))

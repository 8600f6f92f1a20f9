"""What a source is: something that is polled for what happened since the last time."""

from __future__ import annotations

from typing import Protocol

from runvitals.values import Poll


class Source(Protocol):
    """Where samples and events come from.

    Each source is polled in a thread of its own, never by two at once, so that one that hangs or fails delays no
    other. `poll` may take up to `interval` (a datagram source listens that long) and raises whatever goes wrong as a
    whole: the source is then down with that error, and is polled again later (one that has something to say all the
    same returns it, with `Poll.error`). What is wrong with a single item is counted in `Poll.rejected` instead.
    """

    name: str
    kind: str
    interval: float
    """Seconds between the starts of two polls."""

    listens: bool
    """True where `poll` waits for what arrives: then there is nothing left to drain after the last one."""

    def poll(self, now: float) -> Poll:
        """Return what happened since the last poll. `now` is Unix time in seconds."""

    def restore(self, position: object) -> None:
        """Go on from the `position` of an earlier poll, perhaps another process's. Raises ValueError if it is none."""

    def close(self) -> None:
        """Give back sockets, files and threads."""

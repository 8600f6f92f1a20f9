"""The rings that this process writes, and how they are read here without being opened.

POSIX record locks are dropped when a process closes *any* descriptor of the locked file. A process therefore never
opens a ring that it writes itself: whoever reads it here (`runvitals.embedded`) does so through the writer's own
descriptor. The writer never waits for such a reader; who comes last closes.
"""

from __future__ import annotations

import os

_WRITER = True
_READER = False


class OwnRing:
    """A ring that this process writes, or wrote and still reads.

    `_holds` has one element for each who uses the descriptor, the writer's at the bottom. Whoever lets go takes one
    from the top, and whoever gets the writer's is the last and closes: `pop` and `append` are atomic with and without
    the global interpreter lock, so that nobody waits.
    """

    __slots__ = ("_holds", "descriptor", "is_written")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_written = True
        self._holds = [_WRITER]

    def hold(self) -> bool:
        """Keep the descriptor open for a reader until it lets go; False where it is closed already."""
        self._holds.append(_READER)
        return self._holds[0] is _WRITER

    def let_go(self) -> None:
        """Close the descriptor, and with it drop the lock, if nobody else uses it."""
        if self._holds.pop() is _WRITER:
            status = os.fstat(self.descriptor)
            OWN_RINGS.pop((status.st_dev, status.st_ino), None)  # first: once it is closed, another may be called so
            os.close(self.descriptor)


OWN_RINGS: dict[tuple[int, int], OwnRing] = {}
"""By device and inode, which needs no opening."""


def own(descriptor: int) -> None:
    """Remember that this process writes the ring."""
    status = os.fstat(descriptor)
    OWN_RINGS[status.st_dev, status.st_ino] = OwnRing(descriptor)


def own_ring(status: os.stat_result) -> OwnRing | None:
    """Return the ring of this process that a file is."""
    return OWN_RINGS.get((status.st_dev, status.st_ino))


def close_own(descriptor: int) -> None:
    """Close a ring that this process wrote, and with it its lock, now or when its last reader lets go."""
    ring = own_ring(os.fstat(descriptor))
    if ring is None:
        os.close(descriptor)
    else:
        ring.is_written = False
        ring.let_go()


def abandon_own_rings() -> None:
    """In a forked child: close the copies of the parent's descriptors, whose readers are not here."""
    while OWN_RINGS:
        os.close(OWN_RINGS.popitem()[1].descriptor)

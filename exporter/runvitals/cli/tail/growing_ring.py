"""A ring, from what it still holds to the end of its run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from runvitals.sources.ring.follower import RingFollower
from runvitals.values import Event, Sample

_BYTES_AT_ONCE = 1 << 16


class GrowingRing:
    """Yields what a ring holds, and None whenever there is no more for now; ends with the run."""

    has_times = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_live = False

    def __iter__(self) -> Iterator[Sample | Event | None]:
        follower = RingFollower.open(str(self._path), unknown_after=float("inf"))
        try:
            yield follower.started()
            while not follower.ended:
                items = follower.poll(time.time(), _BYTES_AT_ONCE)
                self.is_live = follower.live is True
                yield from items
                if not items:
                    yield None
        finally:
            follower.close()

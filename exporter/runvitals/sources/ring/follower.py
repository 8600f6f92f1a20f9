"""Following one ring from its first look to its end."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import msgspec

from runvitals.client.opened_ring import OpenedRing
from runvitals.sources.ring.cursor import RingCursor
from runvitals.sources.ring.decoder import RingDecoder
from runvitals.values import Event, EventKind, Sample


class RingState(msgspec.Struct, forbid_unknown_fields=True):
    """How far a ring was read: what a reader needs to go on exactly there.

    `announced` tells whether the start of its run and rank was reported. Of a ring that has `ended` nothing more is
    needed.
    """

    offset: int = 0
    sequence: int | None = None
    names: dict[int, str] = {}
    layers: dict[int, str] = {}
    skipped: dict[str, int] = {}
    newest_step: int | None = None
    announced: bool = False
    ended: bool = False
    run: str = ""
    rank: str = ""


class RingFollower:
    """One opened ring and what has been read of it.

    Where nothing can tell whether its writer lives, the run is unknown after `unknown_after` seconds of silence.
    """

    def __init__(self, ring: OpenedRing, unknown_after: float, state: RingState | None = None) -> None:
        known = state or RingState()
        self.header = header = ring.header
        self.announced = known.announced
        self._ring = ring
        self._unknown_after = unknown_after
        self._cursor = RingCursor(ring.descriptor, header, known.offset, known.sequence)
        self._decoder = RingDecoder(header)
        self._decoder.names.update(known.names)
        self._decoder.layers.update(known.layers)
        self._decoder.skipped.update(known.skipped)
        self._decoder.newest_step = known.newest_step
        self.live: bool | None = None
        self._heard: float | None = None  # when it was last heard; infinite while it waits to be heard at all
        self._silent = False
        self.ended = False

    @classmethod
    def open(cls, path: str, unknown_after: float, state: RingState | None = None) -> RingFollower:
        """Open a ring file. Raises NotARingError and OSError like `open_ring`."""
        return cls(OpenedRing.open(path), unknown_after, state)

    def look(self) -> bool | None:
        """Look whether the writer lives, and return what `live` then says; None where nothing can tell."""
        self.live = self._ring.is_live()
        return self.live

    def poll(self, now: float, limit: int) -> list[Sample | Event]:
        """Return what was written since the last poll, and how the run has ended if it has.

        Of a ring whose writer lives about `limit` bytes are read, of a dead one what is left, so that its end comes
        with it. Raises NotARingError if the file was cut short.
        """
        live = self.look()  # before the reading: what is there when the writer is gone is all there will be
        if live is False:
            frames = self._cursor.read_past_damage(max(limit, self.header.ring_bytes))
        else:
            frames = self._cursor.read(limit)
        items = self._heard_again(now, bool(frames)) + self._decoder.decode(frames)
        self.ended = self._decoder.ended
        if self._cursor.exhausted and not self.ended:
            items += self._silence(now, live)
        return items

    def count_from_start(self) -> None:
        """Count as lost what was overwritten before the first look, too: for a ring that was made while we looked."""
        self._cursor.sequence = 0

    def skip_to_end(self) -> None:
        """Go past what is there and wait to be heard: for a ring of which nobody can tell whether its run has ended."""
        self._heard = math.inf
        self._decoder.decode(self._cursor.read(2 * self.header.ring_bytes))
        self.ended = self._decoder.ended

    def rejected(self) -> Counter[str]:
        """Return what was not taken since the last call, by reason."""
        rejected = self._decoder.rejected
        if self._cursor.lost:
            rejected["overwritten"] += self._cursor.lost
        self._decoder.rejected, self._cursor.lost = Counter(), 0
        return rejected

    def started(self) -> Event:
        """Return the event that the run has started, with the ring's folder and file name."""
        path = Path(self._ring.path).absolute()
        header = self.header
        fields = {
            "ring": path.name,
            "folder": str(path.parent),
            "pid": str(header.pid),
            "host": header.host,
            "world_size": str(header.world_size),
        }
        return Event(EventKind.RUN_STARTED, header.run, header.rank, header.started, fields=fields)

    def event(self, kind: EventKind, now: float, text: str = "") -> Event:
        """Return an event of this rank at its newest step."""
        return Event(kind, self.header.run, self.header.rank, now, self._decoder.newest_step, text)

    def state(self) -> RingState:
        """Return how far the ring has been read."""
        decoder = self._decoder
        return RingState(
            offset=self._cursor.offset,
            sequence=self._cursor.sequence,
            names=dict(decoder.names),
            layers=dict(decoder.layers),
            skipped=dict(decoder.skipped),
            newest_step=decoder.newest_step,
            announced=self.announced,
            run=self.header.run,
            rank=self.header.rank,
        )

    def close(self) -> None:
        """Give back the file."""
        self._ring.close()

    def _heard_again(self, now: float, heard: bool) -> list[Sample | Event]:
        if heard or self._heard is None:
            self._heard = now
        if not heard or not self._silent:
            return []
        self._silent = False
        return [self.event(EventKind.RUN_HEARD_AGAIN, now)]

    def _silence(self, now: float, live: bool | None) -> list[Sample | Event]:
        if live is False:
            self.ended = True
            return [self.event(EventKind.RUN_CRASHED, max(now, self._decoder.newest_time))]
        if live is None and not self._silent and self._heard is not None and now - self._heard > self._unknown_after:
            self._silent = True
            return [self.event(EventKind.RUN_UNKNOWN, now, "silent, and nothing can tell whether it lives")]
        return []

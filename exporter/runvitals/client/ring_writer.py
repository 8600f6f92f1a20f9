"""The writing end of a ring: frames go into mapped memory, so that they outlive the process."""

from __future__ import annotations

import contextlib
import json
import mmap
import sys
from collections import deque
from collections.abc import Callable
from time import monotonic
from time import time as wall
from zlib import crc32

from runvitals.client.own_rings import close_own
from runvitals.client.ring_format import (
    BODY,
    CLOSE,
    FRAME,
    FRAME_BYTES,
    HEADER_BYTES,
    LAYERS,
    NAMES,
    NO_STEP,
    PAD,
    SCALARS,
    SKIPPED,
    padded,
)

MAX_DEFERRED = 4096
"""Records that wait while another thread writes; what comes beyond is counted as `busy`."""
_LOST_TURN_SECONDS = 10.0
_SKIPPED_SECONDS = 1.0
_TABLE_FRAME_BYTES = 2048
_DRAINED_AT_ONCE = 1024
_pack_body = BODY.pack

Record = tuple[int, int, int, int, bytes, float, float]
"""Kind, step, count, index, payload, wall and monotonic time: the arguments of `RingWriter._store`."""


class RingClosedError(Exception):
    """The ring takes no more records."""


class RingWriter:
    """Appends frames to an open, locked ring file of `ring_bytes`, whose header is already written. It lies at `path`.

    No call waits. One thread at a time has the turn to write; whoever finds it taken, be it another thread or a signal
    handler in the middle of this thread's own write, leaves the record to the one who has it. The turn is a list of one
    element: `pop` and `append` are atomic with and without the global interpreter lock, and cost a quarter of a lock.
    """

    __slots__ = (
        "_base",
        "_capacity",
        "_deferred",
        "_descriptor",
        "_lap_end",
        "_map",
        "_notices",
        "_offset",
        "_sequence",
        "_skipped",
        "_skipped_written",
        "_tables",
        "_turn",
        "_words",
        "path",
    )

    def __init__(self, descriptor: int, ring_bytes: int, path: str = "") -> None:
        if sys.byteorder != "little":
            raise OSError("rings are written on little-endian machines only")
        self.path = path
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, ring_bytes)
        self._words = memoryview(self._map).cast("I")
        self._capacity = ring_bytes - HEADER_BYTES
        self._lap_end = self._capacity
        self._base = HEADER_BYTES  # place in the file minus offset, constant within a lap
        self._offset = 0
        self._sequence = 0
        self._turn = [None]
        self._deferred: deque[Record] = deque()
        self._notices: deque[tuple[int, int | str, int | str]] = deque()
        self._tables: dict[int, dict[int, str]] = {NAMES: {}, LAYERS: {}}
        self._skipped: dict[str, int] = {}
        self._skipped_written = float("-inf")

    @property
    def capacity(self) -> int:
        """Bytes of the data area."""
        return self._capacity

    def append(self, kind: int, step: int, count: int, index: int, payload: bytes) -> None:
        """Append a frame, now or by whoever is writing. `payload` is padded. Raises RingClosedError."""
        try:
            self._turn.pop()
        except IndexError:
            self._defer((kind, step, count, index, payload, wall(), monotonic()))
            return
        except BaseException:
            self._give_back_turn()
            raise
        try:
            if self._notices or self._offset + FRAME_BYTES + len(payload) > self._lap_end:
                self._make_ready(len(payload))
            self._store(kind, step, count, index, payload, wall(), monotonic())
        except BaseException:
            self._step_over_committed_frame()
            raise
        finally:
            self._turn.append(None)
        if self._deferred:
            self._drain()

    def announce(self, table: int, index: int, name: str) -> None:
        """Have a name written before the next record. `table` is NAMES or LAYERS."""
        self._notices.append((table, index, name))

    def skipped(self, reason: str, count: int = 1) -> None:
        """Count values that were not taken; the sums are written once a second at most. Never raises."""
        if len(self._notices) < MAX_DEFERRED:
            self._notices.append((SKIPPED, reason, count))
        with contextlib.suppress(Exception):  # the ring is closed, and there is no other place to count
            self._with_turn(self._write_notices)

    def close(self, text: str) -> None:
        """Write the close record, give back the file and with it the lock. Raises RingClosedError."""
        payload = text.encode("utf-8", "replace")
        self._deferred.append((CLOSE, NO_STEP, len(payload), 0, padded(payload), wall(), monotonic()))
        self._drain(2 * MAX_DEFERRED)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's ring without writing to it; its descriptor is closed with all."""
        self._lap_end = -1
        self._words.release()
        self._map.close()

    def _make_ready(self, payload_bytes: int) -> None:
        """Write what must stand before the next record, and have room for it in this lap."""
        if self._notices:
            self._write_notices()
        if self._offset + FRAME_BYTES + payload_bytes > self._lap_end:
            self._begin_lap()

    def _store(
        self, kind: int, step: int, count: int, index: int, payload: bytes, when: float, when_monotonic: float
    ) -> None:
        offset, sequence = self._offset, self._sequence
        size = FRAME_BYTES + len(payload)
        body = _pack_body(size, offset, sequence, when, when_monotonic, step, kind, count, index) + payload
        checksum = crc32(body)
        place = offset + self._base
        self._map[place + 4 : place + size] = body
        self._words[place >> 2] = checksum  # from here on the frame counts
        self._offset, self._sequence = offset + size, sequence + (kind >= SCALARS)

    def _begin_lap(self) -> None:
        """Leave the rest of this lap empty and begin the next with all names in use."""
        if self._lap_end < 0:
            raise RingClosedError
        self._turn.clear()  # it is ours: there is never a second one
        if self._lap_end - self._offset >= FRAME_BYTES:
            self._store(PAD, NO_STEP, 0, 0, b"", wall(), monotonic())
        self._notices.extend((table, *entry) for table, names in self._tables.items() for entry in names.items())
        self._base -= self._capacity
        self._offset = self._lap_end
        self._lap_end += self._capacity
        self._write_notices()
        self._write_skipped()

    def _write_notices(self) -> None:
        """Write what is noted. A note leaves the queue once it is written: an exception in between loses none."""
        noted = self._notices.copy()  # atomic, as `pop` is: other threads add
        for table, names in self._tables.items():
            new = {int(key): str(name) for kind, key, name in noted if kind == table}
            names.update(new)
            self._write_table(table, new)
        for notice in noted:
            if self._notices and self._notices[0] is notice:  # else a lap that began meanwhile has written it
                self._take_note_of_skipped(*self._notices.popleft())
        if self._skipped and monotonic() - self._skipped_written >= _SKIPPED_SECONDS:
            self._write_skipped()

    def _take_note_of_skipped(self, kind: int, reason: int | str, count: int | str) -> None:
        if kind == SKIPPED:
            self._skipped[str(reason)] = self._skipped.get(str(reason), 0) + int(count)

    def _write_table(self, table: int, names: dict[int, str]) -> None:
        entries = [f"{index}={name}".encode() for index, name in names.items()]
        while entries:
            payload = entries.pop(0)
            while entries and len(payload) + len(entries[0]) < _TABLE_FRAME_BYTES:
                payload += b"\0" + entries.pop(0)
            self._write_text(table, payload)

    def _write_skipped(self) -> None:
        if self._skipped:
            self._skipped_written = monotonic()
            self._write_text(SKIPPED, json.dumps(self._skipped).encode("ascii"))

    def _write_text(self, kind: int, payload: bytes) -> None:
        filled = padded(payload)
        if self._offset + FRAME_BYTES + len(filled) > self._lap_end:
            self._begin_lap()
        self._store(kind, NO_STEP, len(payload), 0, filled, wall(), monotonic())

    def _defer(self, record: Record) -> None:
        if len(self._deferred) >= MAX_DEFERRED:
            self.skipped("busy", max(1, record[2]) if record[0] == SCALARS else 1)
        else:
            self._deferred.append(record)
        if record[6] - self._oldest_deferred(record[6]) > _LOST_TURN_SECONDS:
            self._give_back_turn()  # lost in spite of all care: nobody writes that long
        # Whoever had the turn may have looked at the deferred records just before this one came.
        self._drain()

    def _oldest_deferred(self, otherwise: float) -> float:
        try:
            return self._deferred[0][6]
        except IndexError:
            return otherwise

    def _drain(self, limit: int = _DRAINED_AT_ONCE) -> None:
        for _ in range(limit):
            if not self._deferred or not self._with_turn(self._commit_deferred):
                return

    def _commit_deferred(self) -> None:
        if not self._deferred:
            return
        record = self._deferred.popleft()
        if record[0] == CLOSE:
            self._write_notices()
            self._write_skipped()
        self._make_ready(len(record[4]))
        self._store(*record)
        if record[0] == CLOSE:
            self._shut()

    def _with_turn(self, action: Callable[[], None]) -> bool:
        """Do it if nobody else has the turn, else return False."""
        try:
            self._turn.pop()
        except IndexError:
            return False
        except BaseException:
            self._give_back_turn()
            raise
        try:
            action()
        except BaseException:
            self._step_over_committed_frame()
            raise
        finally:
            self._turn.append(None)
        return True

    def _give_back_turn(self) -> None:
        """Undo a taking of the turn after which a signal handler raised: nobody would ever have it again."""
        if not self._turn:
            self._turn.append(None)

    def _step_over_committed_frame(self) -> None:
        """After an exception in the middle of a store: a frame that already counts must not be written over."""
        if self._lap_end < 0:
            return
        place = self._offset + self._base
        if self._lap_end - self._offset < FRAME_BYTES:
            return
        checksum, length, offset, sequence, _, _, _, kind, _, _ = FRAME.unpack_from(self._map, place)
        if offset == self._offset and crc32(self._map[place + 4 : place + length]) == checksum:
            self._offset, self._sequence = offset + length, sequence + (kind >= SCALARS)

    def _shut(self) -> None:
        self._lap_end = -1
        self._words.release()
        self._map.close()
        close_own(self._descriptor)

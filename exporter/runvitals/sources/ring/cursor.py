"""Reading the frames of one ring in their order, while it is written and after its writer was killed."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple
from zlib import crc32

from runvitals.client.ring_format import (
    FRAME,
    FRAME_BYTES,
    HEADER_BYTES,
    LAYERS,
    NAMES,
    PAD,
    SCALARS,
    Header,
    NotARingError,
)

LARGEST_FRAME = 64 << 10
_MAX_CANDIDATES = 4096
_MAX_JUMPS = 2  # of one read: each looks through the whole ring
_MAX_DAMAGES = 8
_FARTHEST_OFFSET = 1 << 62
_CUT_SHORT = "it was cut short while it was read"
_unpack = FRAME.unpack_from


class Frame(NamedTuple):
    """A committed frame. `size` counts its scalars, or its bytes of text."""

    kind: int
    wall: float
    step: int
    size: int
    layer: int
    payload: bytes


class RingCursor:
    """A place in a ring, and the frames from there on. The ring is read with `pread` and never mapped.

    `offset` and `sequence` say where the next frame must begin and how many scalars and events come before it. A
    sequence of None means that it is not known yet, at the first look. `lost` counts what was overwritten before it was
    read, and `exhausted` tells whether the last `read` came to the end of what there is.
    """

    def __init__(self, descriptor: int, header: Header, offset: int = 0, sequence: int | None = None) -> None:
        self._descriptor = descriptor
        self._capacity = header.capacity
        self.offset = offset
        self.sequence = sequence
        self.lost = 0
        self.exhausted = False

    def read(self, limit: int) -> list[Frame]:
        """Return the next frames of at most about `limit` bytes; none if there are none yet. Raises NotARingError."""
        frames: list[Frame] = []
        if os.fstat(self._descriptor).st_size < HEADER_BYTES + self._capacity:
            raise NotARingError("truncated", _CUT_SHORT)
        if self.sequence is None and not self._is_lapped():
            self.sequence = 0
        self.exhausted = False
        jumps_left = _MAX_JUMPS
        while limit > 0 and not self.exhausted:
            taken = self._read_lap(frames)
            if not taken and self._is_lapped():
                if not jumps_left:
                    break
                jumps_left -= 1
                taken = self._take_oldest(limit, frames)
            self.exhausted = not taken
            limit -= taken
        return frames

    def read_past_damage(self, limit: int) -> list[Frame]:
        """Like `read`, but past frames that will never be whole. For a ring whose writer is gone."""
        frames = self.read(limit)
        for _ in range(_MAX_DAMAGES):
            if not self.exhausted or not self._take_oldest(limit, frames):
                break
            frames += self.read(limit)
        return frames

    def _read_lap(self, frames: list[Frame]) -> int:
        """Take the next frames of this lap, a piece of it at a time, and return how many bytes that is.

        Of a ring that is looked at twice a second most pieces hold a frame or two: a larger one is read for nothing.
        """
        place = self.offset % self._capacity
        left = self._capacity - place
        if left >= FRAME_BYTES and self._stated_offset(place) != self.offset:
            return 0
        before = self.offset
        self._take(self._pread(place, min(LARGEST_FRAME, left)), frames)
        return self.offset - before

    def _take(self, chunk: bytes, frames: list[Frame]) -> None:
        """Take the frames with which the chunk begins, which was read from this place on."""
        lap_end = self.offset + self._capacity - self.offset % self._capacity
        at = 0
        while at + FRAME_BYTES <= len(chunk):
            length = self._frame_at(chunk, at, frames)
            if not length:
                return
            at += length
            self.offset += length
            if frames[-1].kind == PAD:
                frames.pop()
                self.offset = lap_end
                return
        if lap_end - self.offset < FRAME_BYTES:
            self.offset = lap_end

    def _frame_at(self, chunk: bytes, at: int, frames: list[Frame]) -> int:
        """Take the frame that must begin there and return its length, 0 if it is not there (yet, or any more)."""
        checksum, length, offset, sequence, wall, _, step, kind, size, layer = _unpack(chunk, at)
        end = at + length
        if offset != self.offset or length % 8 or not FRAME_BYTES <= length <= LARGEST_FRAME or end > len(chunk):
            return 0
        if sequence * FRAME_BYTES > offset:  # more records than there was room for: a forged frame
            return 0
        if crc32(chunk[at + 4 : end]) != checksum:
            return 0
        if self.sequence is not None and sequence > self.sequence:
            self.lost += sequence - self.sequence
        self.sequence = sequence + (kind >= SCALARS)
        frames.append(Frame(kind, wall, step, size, layer, chunk[at + FRAME_BYTES : end]))
        return int(length)

    def _is_lapped(self) -> bool:
        """Tell whether the writer has begun a lap after the one to which this place belongs."""
        if self._stated_offset(0) // self._capacity <= self.offset // self._capacity:
            return False
        offset = _offset_at(self._pread(0, min(LARGEST_FRAME, self._capacity)), 0)
        return offset is not None and offset % self._capacity == 0

    def _stated_offset(self, place: int) -> int:
        """Return the offset a frame there states, if there is one: a cheap look before the whole frame is read."""
        return int(_unpack(self._pread(place, FRAME_BYTES))[2])

    def _take_oldest(self, limit: int, frames: list[Frame]) -> int:
        """Go on to the oldest whole frame from here on, take what follows it, and return how many bytes that is.

        0 if there is none. Takes the lap's names along. Nothing is read twice: by then a fast writer has overwritten
        it.
        """
        data = self._pread(0, self._capacity)
        for candidate in self._candidates(data):
            place = candidate % self._capacity
            if _offset_at(data, place) == candidate:
                frames += _names_at_start(data)
                self.offset = candidate
                self._take(data[place : place + max(limit, LARGEST_FRAME)], frames)
                return int(self.offset - candidate)
        return 0

    def _candidates(self, data: bytes) -> list[int]:
        """Return what may be the offsets of frames from here on: words that state the place at which they stand."""
        words = struct.unpack_from(f"<{len(data) // 8 - 1}Q", data, 8)
        least, capacity = self.offset, self._capacity
        found = [
            word
            for place, word in enumerate(words)
            if least <= word < _FARTHEST_OFFSET and word % capacity == 8 * place
        ]
        return sorted(found)[:_MAX_CANDIDATES]

    def _pread(self, place: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, HEADER_BYTES + place)
        if len(data) != size:
            raise NotARingError("truncated", _CUT_SHORT)
        return data


def _offset_at(data: bytes, place: int) -> int | None:
    """Return the offset that a whole frame at that place states, None if there is no whole frame."""
    if place + FRAME_BYTES > len(data):
        return None
    checksum, length, offset, *_ = _unpack(data, place)
    if length % 8 or not FRAME_BYTES <= length <= min(LARGEST_FRAME, len(data) - place):
        return None
    return offset if crc32(data[place + 4 : place + length]) == checksum else None


def _names_at_start(data: bytes) -> list[Frame]:
    """Return the names with which the lap begins."""
    frames: list[Frame] = []
    at = 0
    while _offset_at(data, at) is not None:
        _, length, _, _, wall, _, step, kind, size, layer = _unpack(data, at)
        if kind not in (NAMES, LAYERS):
            break
        frames.append(Frame(kind, wall, step, size, layer, data[at + FRAME_BYTES : at + length]))
        at += length
    return frames

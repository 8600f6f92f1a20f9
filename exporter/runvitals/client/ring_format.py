"""The ring file: how its header and its frames are laid out, version 1. All numbers are little-endian.

The first 4096 bytes are the header: magic, format version, length and CRC-32 of a JSON object, then that object. It is
written once, before the file gets its name. The rest is the data area, written in laps.

A frame lies at a multiple of 8 and never wraps. It begins with 56 bytes:

    crc32 u32       over the rest of the frame
    length u32      of the whole frame, a multiple of 8
    offset u64      bytes since the first lap; the place in the data area is offset % capacity
    sequence u64    scalars and events before this frame, so that a reader that was lapped can count its loss
    wall f64        Unix time in seconds
    monotonic f64   seconds
    step i64        -1: none
    kind u8, one spare byte, count u16, index u16, two spare bytes

A frame counts once its CRC is right and its offset is the one that belongs there: neither a torn frame nor one of an
earlier lap is ever taken for a value. What follows the 56 bytes depends on the kind:

    PAD        nothing; the rest of the lap is unused (so it is, without a frame, where less than 56 bytes are left)
    NAMES      `count` bytes of UTF-8: "index=name" of signals, separated by NUL
    LAYERS     the same for layers; layer 0 is the whole rank
    SCALARS    `count` indices of names, u16, padded to 8 bytes; then `count` values, f64; `index` is the layer
    EVENT      `count` bytes of UTF-8: the kind of mark, NUL, its text
    SKIPPED    `count` bytes of JSON: how many values the client could not take so far, by reason
    CLOSE      `count` bytes of UTF-8: "finished" or "exception:<Type>"

Every lap begins with all names in use, so that a reader who comes late knows them.
"""

from __future__ import annotations

import json
import struct
from typing import NamedTuple
from zlib import crc32

FORMAT_VERSION = 1
MAGIC = b"RVRING\r\n"
HEADER_BYTES = 4096
RING_BYTES = 1 << 20
"""Size of a ring file, header included."""
SMALLEST_RING, LARGEST_RING = HEADER_BYTES + (16 << 10), 8 << 20

FRAME = struct.Struct("<IIQQddqBxHHxx")
FRAME_BYTES = FRAME.size
BODY = struct.Struct("<IQQddqBxHHxx")
"""The head of a frame without its CRC, which is stored last."""
PAD, NAMES, LAYERS, SKIPPED, CLOSE, SCALARS, EVENT = range(1, 8)
NO_STEP = -1
LATEST_TIME = 1e11
"""Unix time beyond which nothing is a time: the year 5138."""
MAX_INDEX = 4096
"""Names, and layers, of one ring."""
MAX_NAME = 200
"""Characters of a name, a layer, or a run."""
_MAX_HEADER_TEXT = 255
"""Characters of any text in a header; the longest is the host."""

SKIP_REASONS = (
    "not_a_number",
    "device_value",
    "device_behind",
    "huge_integer",
    "unsupported_type",
    "bad_name",
    "too_many_names",
    "bad_step",
    "not_a_mapping",
    "busy",
    "internal_error",
)
"""Why a client could not take a value."""

_FIELD_TYPES = {
    "run": str,
    "rank": str,
    "world_size": int,
    "pid": int,
    "pid_namespace": int,
    "start_ticks": int,
    "boot_id": str,
    "host": str,
    "started": float,
    "started_monotonic": float,
    "ring_bytes": int,
    "locked": bool,
}
_PREFIX = struct.Struct("<8sIII")


class NotARingError(ValueError):
    """The bytes are not a ring file that this version can read; `reason` is a word to count it under."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Header(NamedTuple):
    """Who writes the ring. Never changes after the file has its name.

    `pid` is as seen in `pid_namespace` (an inode number, 0 if unknown), and `start_ticks` is the process's start in
    clock ticks since boot, so that a reused pid can be told. `locked` is False where the file system has no locks.
    """

    run: str
    rank: str
    world_size: int
    pid: int
    pid_namespace: int
    start_ticks: int
    boot_id: str
    host: str
    started: float
    started_monotonic: float
    ring_bytes: int
    locked: bool

    @property
    def capacity(self) -> int:
        """Bytes of the data area."""
        return self.ring_bytes - HEADER_BYTES


def encode_header(header: Header) -> bytes:
    """Return the header block, HEADER_BYTES long. Raises ValueError if the texts in it are too long for it."""
    text = json.dumps(header._asdict()).encode("ascii")
    block = _PREFIX.pack(MAGIC, FORMAT_VERSION, len(text), crc32(text)) + text
    if len(block) > HEADER_BYTES:
        raise ValueError(f"the header of a ring takes {len(block)} bytes, {HEADER_BYTES} is the limit")
    return block.ljust(HEADER_BYTES, b"\0")


def decode_header(block: bytes, file_bytes: int) -> Header:
    """Return the header of a ring file of `file_bytes` bytes. Raises NotARingError."""
    if len(block) < HEADER_BYTES:
        raise NotARingError("truncated", f"a ring's header has {HEADER_BYTES} bytes, here are {len(block)}")
    magic, version, length, crc = _PREFIX.unpack_from(block)
    if magic != MAGIC:
        raise NotARingError("not_a_ring", "it does not begin like a ring file")
    if version != FORMAT_VERSION:
        raise NotARingError("unsupported_version", f"format version {version}; this runvitals reads {FORMAT_VERSION}")
    text = block[_PREFIX.size : _PREFIX.size + length]
    if len(text) != length or crc32(text) != crc:
        raise NotARingError("damaged_header", "the checksum of its header is wrong")
    header = _header_of(text)
    _check_size(header.ring_bytes, file_bytes)
    return header


def _header_of(text: bytes) -> Header:
    try:
        fields = json.loads(text)
        header = Header._make(_checked(fields[name], kind) for name, kind in _FIELD_TYPES.items())
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise NotARingError("damaged_header", f"its header does not hold what it must: {error}") from None
    return header


def _checked(value: object, kind: type) -> object:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    if isinstance(value, str):
        value.encode()  # raises where a lone surrogate could never be shown
        if len(value) > _MAX_HEADER_TEXT:
            raise ValueError(f"{value!r:.40} is too long")
    if isinstance(value, float) and not 0.0 <= value < LATEST_TIME:
        raise ValueError(f"{value} is no time")
    return value


def _check_size(ring_bytes: int, file_bytes: int) -> None:
    if not SMALLEST_RING <= ring_bytes <= LARGEST_RING or ring_bytes % 8:
        raise NotARingError("damaged_header", f"its header says {ring_bytes} bytes, which no ring has")
    if file_bytes != ring_bytes:
        raise NotARingError("truncated", f"its header says {ring_bytes} bytes, the file has {file_bytes}")


def padded(payload: bytes) -> bytes:
    """Return the payload filled up with NUL to a multiple of 8."""
    return payload + bytes(-len(payload) % 8)

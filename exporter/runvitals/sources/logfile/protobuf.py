"""As much of the protocol buffers' wire format as reading a scalar takes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

Field = tuple[int, int, "int | bytes"]
"""Number, wire type, and the value: an int for wire type 0, bytes for the others."""

_FIXED = {1: 8, 5: 4}


def fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message in order. Raises ValueError where it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("a field longer than its message")
        yield number, wire, data[at : at + size]
        at += size


def varints(data: bytes) -> Iterator[int]:
    """Yield the numbers of a packed field. Raises ValueError where it is none."""
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def signed(value: int) -> int:
    """Return an int64 that was written as the varint of its two's complement."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def doubles(data: bytes) -> tuple[float, ...]:
    """Return packed doubles, a rest of less than 8 bytes left out."""
    return struct.unpack(f"<{len(data) // 8}d", data[: len(data) // 8 * 8])


def floats(data: bytes) -> tuple[float, ...]:
    """Return packed floats, a rest of less than 4 bytes left out."""
    return struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number that does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7

"""Writes samples into a running Prometheus by its remote write receiver, many of a series at once.

The message is `prometheus.WriteRequest` of Prometheus's prompb/remote.proto, compressed as a snappy block that holds it
as one literal, which any decoder takes.
"""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice

RECEIVER = "--web.enable-remote-write-receiver"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The value by which Prometheus marks the end of a series."""

_AT_ONCE = 1000


def samples(values: Iterable[tuple[float, float]]) -> bytes:
    """Return times in seconds with their values, encoded as the samples of a series."""
    return b"".join(
        b"\x12" + _sized(b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(time * 1000)))
        for time, value in values
    )


def labels(named: Mapping[str, str]) -> bytes:
    """Return labels, encoded as those of a series, in the order that Prometheus asks for."""
    return b"".join(_label(name, named[name]) for name in sorted(named))


def write(url: str, series: Iterable[bytes]) -> int:
    """Write series, each its labels and then its samples; return how many they were. Raises urllib.error.HTTPError."""
    rest, written = iter(series), 0
    while some := list(islice(rest, _AT_ONCE)):
        _post(f"{url}/api/v1/write", some)
        written += len(some)
    return written


def _post(url: str, series: Sequence[bytes]) -> None:
    message = b"".join(b"\x0a" + _sized(one) for one in series)
    literal = _varint(len(message)) + b"\xfc" + struct.pack("<I", len(message) - 1)
    headers = {"Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    request = urllib.request.Request(url, literal + message, {**headers, "Content-Encoding": "snappy"})
    with urllib.request.urlopen(request, timeout=120):
        pass


@cache
def _label(name: str, value: str) -> bytes:
    return b"\x0a" + _sized(b"\x0a" + _sized(name.encode()) + b"\x12" + _sized(value.encode()))


def _sized(message: bytes) -> bytes:
    return _varint(len(message)) + message


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])

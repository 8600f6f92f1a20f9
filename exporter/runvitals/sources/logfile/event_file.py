"""TensorBoard event files: TFRecord frames of Event messages, of which the scalars of both kinds are read.

A frame is the length of the payload (u64), its masked CRC-32C, the payload, and the payload's masked CRC-32C, all
little-endian (tensorflow/core/lib/io/record_writer.h); Event and Summary are tensorflow/core/util/event.proto and
framework/summary.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec

from runvitals.sources.logfile.claims import Claims
from runvitals.sources.logfile.crc32c import masked_crc32c
from runvitals.sources.logfile.errors import DamagedFileError
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.protobuf import doubles, fields, floats, signed
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row
from runvitals.sources.logfile.tensor import scalar

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
MAX_RECORD = 256 << 10
"""Bytes of the longest record that is read: no scalar is as long; graphs, histograms and images are passed over."""

_WALL_TIME, _STEP, _SUMMARY = 1, 2, 5
_VALUE = 1
_TAG, _SIMPLE_VALUE, _TENSOR, _METADATA = 1, 2, 8, 9
_PLUGIN_DATA, _PLUGIN_NAME = 1, 1
_SCALARS = b"scalars"


class EventFile(msgspec.Struct, tag="tensorboard"):
    """`to_pass` counts the bytes left of a record that is passed over; `prefix` is put before each tag."""

    prefix: str = ""
    to_pass: int = 0
    claims: Claims = msgspec.field(default_factory=Claims)

    def read(self, data: bytes, rejected: Rejected, _: Sequence[LineFormat] = ()) -> tuple[int, list[Row]]:
        """Return how many bytes are done with, and their rows. Raises DamagedFileError."""
        rows: list[Row] = []
        at = self._pass(data, 0)
        while at + _HEADER.size <= len(data):
            size, checksum = _HEADER.unpack_from(data, at)
            if masked_crc32c(data[at : at + 8]) != checksum:
                if at:
                    return at, rows  # what was read counts; the next read begins here, and fails
                raise DamagedFileError("a record's length fails its checksum")
            begin, end = at + _HEADER.size, at + _HEADER.size + size
            if size > MAX_RECORD:
                self.to_pass = size + _FOOTER.size
                at = self._pass(data, begin)
                continue
            if end + _FOOTER.size > len(data):
                break
            if _FOOTER.unpack_from(data, end)[0] == masked_crc32c(data[begin:end]):
                rows += self._rows(data[begin:end], rejected)
            else:
                rejected[Reason.DAMAGED_RECORD, ""] += 1
            at = end + _FOOTER.size
        return at, rows

    def _pass(self, data: bytes, at: int) -> int:
        passed = min(self.to_pass, len(data) - at)
        self.to_pass -= passed
        return at + passed

    def _rows(self, payload: bytes, rejected: Rejected) -> list[Row]:
        try:
            row = self._row(payload)
        except ValueError:
            rejected[Reason.DAMAGED_RECORD, ""] += 1
            return []
        return [row] if row.values else []

    def _row(self, payload: bytes) -> Row:
        time, step, values = 0.0, 0, {}
        for number, wire, value in fields(payload):
            if number == _WALL_TIME and wire == 1 and isinstance(value, bytes):
                time = doubles(value)[0]
            elif number == _STEP and isinstance(value, int):
                step = signed(value)
            elif number == _SUMMARY and isinstance(value, bytes):
                for tag, one in _scalars(value):
                    signal, factor = self.claims.quantity(self.prefix + tag)
                    values[signal] = one * factor
        return Row(values, step, time)


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    for number, _, value in fields(summary):
        if number == _VALUE and isinstance(value, bytes):
            tag, one = _scalar(value)
            if tag and one is not None:
                yield tag, one


def _scalar(value: bytes) -> tuple[str, float | None]:
    """Return tag and number of a summary value; a tensor counts if the scalars plugin wrote it, or none did."""
    tag, plugin, number, tensor = "", b"", None, b""
    for field, wire, content in fields(value):
        if not isinstance(content, bytes):
            continue
        if field == _TAG:
            tag = content.decode("utf-8", "replace")
        elif field == _SIMPLE_VALUE and wire == 5:
            number = floats(content)[0]
        elif field == _TENSOR:
            tensor = content
        elif field == _METADATA:
            plugin = _plugin(content)
    if number is None and tensor and plugin in (b"", _SCALARS):
        number = scalar(tensor)
    return tag, number


def _plugin(metadata: bytes) -> bytes:
    for field, _, data in fields(metadata):
        if field == _PLUGIN_DATA and isinstance(data, bytes):
            return next((one for name, _, one in fields(data) if name == _PLUGIN_NAME and isinstance(one, bytes)), b"")
    return b""

"""A gzip or zlib body, unpacked as it arrives."""

from __future__ import annotations

import zlib

_ANY_HEADER = 47
_GZIP = 0x1F


class Unpacker:
    """Unpacks one member of gzip after the other (RFC 1952, 2.2): a server may send each part as one of its own."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_ANY_HEADER)

    @property
    def is_whole(self) -> bool:
        """True where the body may end here."""
        return self._member.eof

    def unpack(self, data: bytes, limit: int) -> bytes:
        """Return what more of the body holds, `limit` bytes at most (at least 1). Raises zlib.error."""
        found = self._unpack(data, limit)
        while self._member.unused_data[:1] == bytes([_GZIP]) and len(found) < limit:
            data, self._member = self._member.unused_data, zlib.decompressobj(_ANY_HEADER)
            found += self._unpack(data, limit - len(found))
        return found

    def _unpack(self, data: bytes, limit: int) -> bytes:
        if self._member.eof:  # the last member ended with the last piece
            if data[:1] != bytes([_GZIP]):
                return b""
            self._member = zlib.decompressobj(_ANY_HEADER)
        return self._member.decompress(data, limit)

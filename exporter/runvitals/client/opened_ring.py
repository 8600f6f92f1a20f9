"""A ring that is open for reading: another process's, or one that this process writes itself."""

from __future__ import annotations

import os

from runvitals.client.own_rings import OwnRing, own_ring
from runvitals.client.process_identity import writer_alive
from runvitals.client.ring_files import is_locked, open_ring
from runvitals.client.ring_format import HEADER_BYTES, Header, decode_header


class OpenedRing:
    """The path of a ring, the descriptor to read it with, its header, and whether its writer lives."""

    def __init__(self, path: str, descriptor: int, header: Header, own: OwnRing | None = None) -> None:
        self.path = path
        self.descriptor = descriptor
        self.header = header
        self._own = own

    @classmethod
    def open(cls, path: str) -> OpenedRing:
        """Open a ring file, or share the writer's descriptor. Raises NotARingError and OSError like `open_ring`."""
        own = own_ring(os.stat(path, follow_symlinks=False))
        if own is None or not own.hold():
            return cls(path, *open_ring(path))
        try:
            header = decode_header(os.pread(own.descriptor, HEADER_BYTES, 0), os.fstat(own.descriptor).st_size)
        except BaseException:
            own.let_go()
            raise
        return cls(path, own.descriptor, header, own)

    def is_live(self) -> bool | None:
        """Tell whether the writer lives; None where neither locks nor its pid can tell.

        The lock of an own ring is not asked for: what a process locks a second time it has released at the first.
        """
        if self._own is not None:
            return self._own.is_written
        locked = is_locked(self.descriptor) if self.header.locked else None
        return writer_alive(self.header) if locked is None else locked

    def close(self) -> None:
        """Give the file back."""
        if self._own is not None:
            self._own.let_go()
        else:
            os.close(self.descriptor)

"""The names a ring knows by number: signals, and layers."""

from __future__ import annotations

from itertools import count

from runvitals.client.ring_format import MAX_INDEX, MAX_NAME, NAMES
from runvitals.client.ring_writer import RingWriter

BAD_NAME = "bad_name"
TOO_MANY_NAMES = "too_many_names"


class NameTable:
    """Numbers names, which are announced to the ring's readers before they are used; never forgets one.

    Bounded in number, and in bytes to an eighth of the ring, since each lap begins with all names.
    """

    def __init__(self, writer: RingWriter, table: int) -> None:
        self._writer = writer
        self._table = table
        self._numbers = count(0 if table == NAMES else 1)  # layer 0 is the whole rank
        self._bytes_left = writer.capacity // 8
        self.indices: dict[str, int] = {}

    def index_of(self, name: object) -> int | str:
        """Return the number of a name, or the reason why it has none."""
        if not isinstance(name, str) or not name or len(name) > MAX_NAME or not name.isprintable():
            return BAD_NAME
        known = self.indices.get(name)
        return self._number(str(name)) if known is None else known

    def _number(self, name: str) -> int | str:
        size = len(name.encode()) + 8
        if len(self.indices) >= MAX_INDEX - 1 or size > self._bytes_left:
            return TOO_MANY_NAMES
        self._bytes_left -= size
        index = next(self._numbers)  # atomic: two threads never get the same number
        self._writer.announce(self._table, index, name)
        self.indices[name] = index
        return index

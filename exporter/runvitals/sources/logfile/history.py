"""Which rows of a file that was written anew are known already.

Lightning's CSVLogger writes `metrics.csv` again, with all its rows, whenever a column appears. The rows that were read
before are not news then. Another run that writes over the file is: its first row differs, or the newest known row does
not come again.
"""

from __future__ import annotations

from zlib import crc32

import msgspec


class History(msgspec.Struct):
    """Checksums of the first row (None where reading `begins_within` the file) and of the newest.

    While `is_known`, rows are passed over until the newest one comes again; `at_first` tells that the next row is the
    first of the file.
    """

    first: int | None = None
    newest: int | None = None
    is_known: bool = False
    at_first: bool = False
    begins_within: bool = False

    def start_anew(self) -> None:
        """The file was written anew; the next row is its first."""
        self.is_known = self.at_first = self.newest is not None

    def forget(self) -> None:
        """What the file holds is another history."""
        self.first = self.newest = None
        self.is_known = self.at_first = self.begins_within = False

    def is_news(self, row: str) -> bool:
        """Take in the next row, as a text that is the same however the file is laid out."""
        checksum = crc32(row.encode("utf-8", "replace"))
        if self.at_first and self.first is not None and checksum != self.first:
            self.forget()
        self.at_first = False
        if self.is_known:
            self.is_known = checksum != self.newest
            return False
        if self.newest is None and not self.begins_within:
            self.first = checksum
        self.newest = checksum
        return True

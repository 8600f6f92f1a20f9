"""Which batches have come lately, by their fingerprints."""

from __future__ import annotations

import msgspec

SPAN = 64
IN_A_ROW = 8
VARIED = 48
"""Different batches among SPAN that show a stream of data; with fewer, the data set is small, or is one batch."""

FEW = 16


class SeenBatches(msgspec.Struct):
    """The last 64 fingerprints, and how often the newest came in a row."""

    recent: list[float] = []
    in_a_row: int = 0
    has_varied: bool = False

    def observe(self, fingerprint: float) -> None:
        """Take the next fingerprint."""
        is_again = bool(self.recent) and self.recent[-1] == fingerprint
        self.in_a_row = self.in_a_row + 1 if is_again else 1
        self.recent = [*self.recent[-SPAN + 1 :], fingerprint]
        self.has_varied = self.has_varied or (len(self.recent) == SPAN and self.different >= VARIED)

    @property
    def different(self) -> int:
        """Different batches among the last."""
        return len(set(self.recent))

    @property
    def is_repeating(self) -> bool | None:
        """True where a stream that varied brings the same again and again; None where none has varied yet."""
        if not self.has_varied:
            return None
        return self.in_a_row >= IN_A_ROW or self.different <= FEW

"""A checksum of a replica's parameters that stands still long enough to be compared with the other replicas'."""

from __future__ import annotations

import msgspec

SHORTEST, LONGEST = 60.0, 240.0
"""Seconds for which a checksum is shown: several scrapes."""


class ReplicaChecksum(msgspec.Struct):
    """Shows the first checksum at or after each multiple of 2^`exponent` steps.

    Scrapes of two ranks never meet at one step; of a checksum that is kept for a minute or more they see the same. The
    multiples depend on the steps alone and those of a larger power are among those of a smaller, so replicas that step
    together show the same steps without knowing of each other. `exponent` follows from the pace.
    """

    exponent: int = 0
    newest: int | None = None
    step: int | None = None
    value: float = 0.0
    time: float = 0.0

    def observe(self, step: int, time: float, value: float) -> None:
        """Take the finite checksum of a step."""
        before, self.newest = self.newest, step
        if before is None or step <= before:
            return
        if self.step is not None and time - self.time < SHORTEST and self._crosses(before, step):
            self.exponent = min(self.exponent + 1, 62) if time >= self.time else self.exponent
        if not self._crosses(before, step):
            return
        if self.step is not None and time - self.time > LONGEST:
            self.exponent = max(self.exponent - 1, 0)
        self.step, self.value, self.time = step, value, time

    def _crosses(self, before: int, step: int) -> bool:
        return step >> self.exponent != before >> self.exponent

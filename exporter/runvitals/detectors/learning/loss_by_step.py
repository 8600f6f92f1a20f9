"""How high the loss was at a step, over the whole run, in at most 64 pairs of numbers."""

from __future__ import annotations

import msgspec

MOST = 64


class LossByStep(msgspec.Struct):
    """The highest level in each block of `width` values, and the step at which the block ends; steps ascend.

    When there are 64 blocks, neighbours are joined, and blocks are twice as long from then on.
    """

    width: int = 1
    steps: list[int] = []
    highest: list[float] = []
    filled: int = 0

    def observe(self, step: int, level: float) -> None:
        """Take the level at the next step."""
        if self.filled:
            self.steps[-1], self.highest[-1] = step, max(self.highest[-1], level)
        else:
            self.steps.append(step)
            self.highest.append(level)
        self.filled += 1
        if self.filled >= self.width:
            self.filled = 0
            if len(self.steps) >= MOST:
                self._join()

    def around(self, step: int) -> float | None:
        """Return the highest level in the block of a step and the one before it; after the last, of the last two."""
        if not self.steps:
            return None
        place = next((one for one, end in enumerate(self.steps) if end >= step), len(self.steps) - 1)
        return max(self.highest[max(0, place - 1) : place + 2])

    def go_back(self, step: int) -> None:
        """Forget what was at the step and after it."""
        kept = sum(end < step for end in self.steps)
        del self.steps[kept:], self.highest[kept:]
        self.filled = 0

    def _join(self) -> None:
        self.highest = [max(pair) for pair in zip(self.highest[::2], self.highest[1::2], strict=True)]
        self.steps = self.steps[1::2]
        self.width *= 2

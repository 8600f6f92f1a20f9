"""Dynamic loss scaling, as torch.amp.GradScaler does it."""

from __future__ import annotations


class LossScale:
    """Halves on each overflow, doubles after so many steps without one."""

    def __init__(self, scale: float = 65536.0, growth_interval: int = 200) -> None:
        self.scale = scale
        self._growth_interval = growth_interval
        self._calm = 0

    def update(self, *, overflowed: bool) -> None:
        """Take in whether the step's gradients overflowed."""
        self._calm = 0 if overflowed else self._calm + 1
        if overflowed:
            self.scale /= 2.0
        elif self._calm >= self._growth_interval:
            self.scale, self._calm = min(self.scale * 2.0, 2.0**24), 0

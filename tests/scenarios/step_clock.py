"""How long a step takes, simulated: real clocks would make every recording another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class StepTime(NamedTuple):
    """The seconds of one step: waiting for its input, computing, and in all."""

    data: float
    compute: float
    total: float


@dataclass
class StepClock:
    """Draws step times: log-normal noise, and now and then a step that the machine is busy in.

    `slow_every` and `slow_factor` are an optimizer that refreshes something costly every so many steps. Planted faults
    change the fields while the run goes on.
    """

    compute: float = 0.4
    data: float = 0.01
    exchange: float = 0.05
    jitter: float = 0.03
    hiccups: float = 0.004
    slow_every: int = 0
    slow_factor: float = 1.0

    def draw(self, rng: np.random.Generator, step: int) -> StepTime:
        """Return the times of this step."""
        data, compute, exchange = np.exp(self.jitter * rng.normal(size=3)) * (self.data, self.compute, self.exchange)
        if self.slow_every and step % self.slow_every == 0:
            compute *= self.slow_factor
        if rng.random() < self.hiccups:
            exchange += compute * rng.uniform(0.3, 1.5)
        return StepTime(float(data), float(compute), float(data + compute + exchange))

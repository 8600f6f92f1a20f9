"""The learning rate of the demo training: steady at first, then raised step by step until the training breaks."""

from __future__ import annotations

import math

LEARNING_RATE = 0.2
STEP_SECONDS = 0.05
EXPLODE_AFTER = 200  # steps: several times what the detectors need to warm up
GROWTH = 1.03
HIGHEST_RISE = 1e4  # bounds the learning rate of a run that is left alone for days


def learning_rate_at(step: int, explode_after: int | None, growth: float = GROWTH) -> float:
    """Return the learning rate of a step: steady until `explode_after`, then `growth` times that of the step before."""
    risen = 0 if explode_after is None else max(0, step - explode_after)
    return LEARNING_RATE * math.exp(min(risen * math.log(growth), math.log(HIGHEST_RISE)))

"""A rising curve through outcomes: isotonic regression by pooling adjacent violators, as a few points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEWEST_STEPS = 400
FEWEST_FOLLOWED = 250
"""Five explosions' worth: each is announced for a horizon of 50 steps."""


class Pool(NamedTuple):
    """Steps that are given one probability: the sum of their logits, how many were followed, how many there are."""

    logits: float
    followed: int
    steps: int

    @property
    def share(self) -> float:
        """Share that was followed, with one of each kind added: 0 and 1 cannot have been seen often enough."""
        return (self.followed + 1.0) / (self.steps + 2.0)

    def joined(self, other: Pool) -> Pool:
        """Return both as one."""
        return Pool(self.logits + other.logits, self.followed + other.followed, self.steps + other.steps)


def calibration_curve(logits: Floats, outcomes: Flags) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return ascending logits and probabilities: mean logit and share of each pool of neighbouring steps.

    Pools are as small as their limits allow where the outcomes rise with the logits, larger where they do not.
    """
    order = np.argsort(logits, kind="stable")
    pooled: list[Pool] = []
    for pool in _smallest_pools(logits[order], outcomes[order]):
        pooled.append(pool)
        while len(pooled) > 1 and pooled[-2].share >= pooled[-1].share:
            last = pooled.pop()
            pooled.append(pooled.pop().joined(last))
    return (
        tuple(round(float(pool.logits / pool.steps), 4) for pool in pooled),
        tuple(round(pool.share, 5) for pool in pooled),
    )


def _smallest_pools(logits: Floats, outcomes: Flags) -> Iterator[Pool]:
    """Cut sorted steps wherever both limits are reached; what is left at the end joins the last pool."""
    start, counts = 0, np.concatenate([[0], np.cumsum(outcomes)])
    while start < len(logits):
        reached = int(np.searchsorted(counts, counts[start] + FEWEST_FOLLOWED))
        end = max(reached, start + FEWEST_STEPS)
        if counts[-1] - counts[min(end, len(logits))] < FEWEST_FOLLOWED or end + FEWEST_STEPS > len(logits):
            end = len(logits)
        yield Pool(float(logits[start:end].sum()), int(counts[end] - counts[start]), end - start)
        start = end

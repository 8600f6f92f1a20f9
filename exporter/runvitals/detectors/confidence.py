"""How sure a detector is, from how far its score lies beyond the threshold."""

from __future__ import annotations


def beyond(score: float, threshold: float) -> float:
    """Return 0.5 at the threshold, rising towards 1 with the score (0.75 at twice the threshold).

    A convention, not a probability.
    """
    return 1.0 - threshold / (2.0 * score) if score > threshold > 0.0 else 0.5

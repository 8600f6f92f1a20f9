"""Back from the logarithm of a loss."""

from __future__ import annotations

from math import exp


def original(value: float) -> float:
    """Return the loss of this logarithm; one that no float can hold becomes 8e307."""
    return exp(min(value, 709.0))

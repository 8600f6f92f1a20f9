"""Between a loss and its logarithm."""

from __future__ import annotations

from math import exp, inf

from runvitals.detectors.float32 import LARGEST, SMALLEST


def has_logarithm(loss: float) -> bool:
    """Return whether a loss can be compared by its logarithm: positive, and neither 0 nor infinite to float32."""
    return SMALLEST <= loss <= LARGEST


def is_negative(loss: float) -> bool:
    """Return whether a loss shows that it may be below 0; minus infinity shows nothing."""
    return -inf < loss < 0.0


def original(value: float) -> float:
    """Return the loss of this logarithm; one that no float can hold becomes 8e307."""
    return exp(min(value, 709.0))

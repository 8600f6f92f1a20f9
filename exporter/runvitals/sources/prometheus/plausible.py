"""Plausibility before statistics: what cannot be is no value."""

from __future__ import annotations

from math import isfinite

from runvitals.catalogue import signals

_TOLERANCE = 1e-6
_LARGEST_COUNT = 2.0**53
_LARGEST = {"seconds": 1e7, "degrees Celsius": 200.0, "watts": 1e5, "hertz": 1e11, "bytes": _LARGEST_COUNT}
_UNITS = {signal.name: signal.unit for signal in signals.ALL}

_BLANKS = ((0x7FFFFFF0, 0x7FFFFFFF), (2**32 - 1, 2**32 - 1), (2**47, 2**47 + 16), (2**63 - 256, 2.0**65))
"""DCGM's marks for fields without a value, of 32 and 64 bits and of floating point (dcgm_structs.h), and their kind."""


def is_blank(value: float) -> bool:
    """Return whether a number stands for "no value"."""
    return any(low <= value <= high for low, high in _BLANKS)


def is_plausible(signal: str, value: float) -> bool:
    """Return whether a signal of the catalogue can have the value, in its base unit; of others, if it is finite."""
    unit = _UNITS.get(signal)
    if unit is None:
        return isfinite(value)
    largest = 1.0 + _TOLERANCE if signal.endswith("_ratio") else _LARGEST.get(unit, 1e15)
    return 0.0 <= value <= largest

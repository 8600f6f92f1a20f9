"""Turning what a user logs into a float, without ever waiting for it."""

from __future__ import annotations

from numbers import Complex, Number, Real
from typing import Any

NOT_A_NUMBER = "not_a_number"
ON_A_DEVICE = "device_value"
TOO_LARGE = "huge_integer"
UNKNOWN_TYPE = "unsupported_type"

_BUILT_IN = (float, int, bool)


def is_plain(kind: type) -> bool:
    """Tell whether values of this very type may be packed as they are: reading one waits for nothing."""
    return kind in _BUILT_IN or (kind.__module__ == "numpy" and issubclass(kind, Real))


def to_float(value: Any) -> float | str:
    """Return the value as a float, or the reason why it was not taken. May raise what the value's own methods raise.

    A value that is not in the memory of the CPU, or not computed yet, is not read: that would wait for the device.
    """
    if isinstance(value, Number):
        return _number_to_float(value)
    if value is None or isinstance(value, (str, bytes, bytearray)):
        return NOT_A_NUMBER
    if type(value).__module__.partition(".")[0] == "numpy":
        return _item_of(value)
    if hasattr(value, "is_ready"):
        return _lazy_array_to_float(value)
    if hasattr(value, "detach"):
        return _tensor_to_float(value)
    return ON_A_DEVICE if hasattr(value, "device") else UNKNOWN_TYPE


def _number_to_float(value: Any) -> float | str:
    if isinstance(value, Complex) and not isinstance(value, Real):
        return NOT_A_NUMBER
    try:
        return float(value)
    except OverflowError:
        return TOO_LARGE


def _item_of(value: Any) -> float | str:
    """Read an array of one element."""
    if not hasattr(value, "item") or getattr(value, "size", 1) != 1:
        return NOT_A_NUMBER
    item = value.item()
    return _number_to_float(item) if isinstance(item, Real) else NOT_A_NUMBER


def _tensor_to_float(value: Any) -> float | str:
    """Read a tensor of one element, as in PyTorch; `to_local` belongs to one that is spread over several devices."""
    if getattr(value.device, "type", "") != "cpu" or hasattr(value, "to_local"):
        return ON_A_DEVICE
    if value.numel() != 1:
        return NOT_A_NUMBER
    item = value.detach().item()
    return _number_to_float(item) if isinstance(item, Real) else NOT_A_NUMBER


def _lazy_array_to_float(value: Any) -> float | str:
    """Read an array of one element, as in JAX, if it is computed already and on the CPU."""
    if not value.is_ready() or any(device.platform != "cpu" for device in value.devices()):
        return ON_A_DEVICE
    return _item_of(value)

"""The number in a TensorProto that holds one."""

from __future__ import annotations

import struct

from runvitals.sources.logfile.protobuf import doubles, fields, floats, signed, varints

_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_PACKED = {1: "<f", 2: "<d", 3: "<i", 4: "<B", 5: "<h", 6: "<b", 9: "<q", 17: "<H", 19: "<e", 22: "<I", 23: "<Q"}
"""By number of the dtype, how its content is packed: float, double, the integers, half."""

_BFLOAT16, _HALF, _BOOL = 14, 19, 10
_FLOAT_VALUES, _DOUBLE_VALUES, _HALF_VALUES = 5, 6, 13
_INTEGER_VALUES = frozenset({7, 10, 11, 16, 17})


def scalar(data: bytes) -> float | None:
    """Return the one number of a tensor without dimensions; None for any other. Raises ValueError if it is none."""
    dtype, values = 0, []
    for number, wire, value in fields(data):
        if number == _DTYPE and isinstance(value, int):
            dtype = value
        elif number == _SHAPE and value:
            return None
        elif number == _CONTENT and isinstance(value, bytes) and value:
            values += _content(dtype, value)
        else:
            values += _listed(dtype, number, wire, value)
    return values[0] if len(values) == 1 else None


def _content(dtype: int, content: bytes) -> list[float]:
    if dtype == _BFLOAT16 and len(content) == 2:
        return [*floats(b"\0\0" + content)]
    if dtype == _BOOL and len(content) == 1:
        return [float(content[0])]
    layout = _PACKED.get(dtype)
    if layout is None or struct.calcsize(layout) != len(content):
        return []
    return [float(one) for one in struct.unpack(layout, content)]


def _listed(dtype: int, number: int, wire: int, value: int | bytes) -> list[float]:
    if number == _FLOAT_VALUES and isinstance(value, bytes):
        return [*floats(value)]
    if number == _DOUBLE_VALUES and isinstance(value, bytes):
        return [*doubles(value)]
    whole = [value] if isinstance(value, int) else [*varints(value)] if wire == 2 else []
    if number in _INTEGER_VALUES:
        return [float(signed(one)) for one in whole]
    if number == _HALF_VALUES:
        return [number for one in whole for number in _content(dtype, (one & 0xFFFF).to_bytes(2, "little"))]
    return []

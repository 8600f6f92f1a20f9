"""Where an answer changes: the nearest number that something says yes to."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

_FINEST, _COARSEST = -8, 40  # powers of four of the scale
_PRECISION = 1e-5  # of the distance from the start


def boundary(holds: Callable[[float], bool], start: float, scale: float, direction: int) -> float | None:
    """Return the number nearest to `start`, upwards (`direction` 1) or downwards (-1), from which on `holds` is true.

    It is looked for in steps that grow from a fraction of `scale` (above 0) and then bisected, so that an interval of
    yes that is narrow and far away may be missed. None where there is none.
    """
    near = 0.0
    for power in range(_FINEST, _COARSEST):
        far = direction * scale * 4.0**power
        if not isfinite(start + far):
            return None
        if holds(start + far):
            return start + _bisected(holds, start, near, far)
        near = far
    return None


def _bisected(holds: Callable[[float], bool], start: float, near: float, far: float) -> float:
    while abs(far - near) > _PRECISION * abs(far) and start + near != start + far:
        middle = (near + far) / 2.0
        if holds(start + middle):
            far = middle
        else:
            near = middle
    return far

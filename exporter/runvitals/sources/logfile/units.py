"""Foreign names and units to canonical signals in base units: seconds, bytes, ratios, operations per second."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from runvitals.catalogue import signals

_UNITS: dict[str, tuple[float, str]] = {
    "us": (1e-6, "seconds"),
    "ms": (1e-3, "seconds"),
    "s": (1.0, "seconds"),
    "sec": (1.0, "seconds"),
    "%": (0.01, "ratio"),
    "percent": (0.01, "ratio"),
    "pct": (0.01, "ratio"),
    "kb": (1e3, "bytes"),
    "mb": (1e6, "bytes"),
    "gb": (1e9, "bytes"),
    "tb": (1e12, "bytes"),
    "kib": (2.0**10, "bytes"),
    "mib": (2.0**20, "bytes"),
    "gib": (2.0**30, "bytes"),
    "tib": (2.0**40, "bytes"),
    "tflop": (1e12, "flops"),
    "tflops": (1e12, "flops"),
    "tflop/s/gpu": (1e12, "flops"),
}
_IN_BRACKETS = re.compile(r"(.*?)[ _]?\(([^()]{1,12})\)\Z")
_BEHIND = re.compile(r"(.*?)[ _](ms|us|percent|pct|[kmgt]i?b|tflops?)\Z")
_NEVER_NEGATIVE = ("_seconds", "_bytes", "_per_second", "_ratio")
_MAX_NAME = 200


class Quantity(NamedTuple):
    """A signal, and what a foreign value is multiplied by to be in its unit."""

    signal: str
    factor: float = 1.0

    def is_plausible(self, value: float) -> bool:
        """Tell whether a value can be true: no rate, duration, size or ratio that the catalogue knows is below 0."""
        return not (value < 0.0 and self.signal.endswith(_NEVER_NEGATIVE) and signals.known(self.signal))


@lru_cache(maxsize=4096)
def quantity(name: str, unit: str = "") -> Quantity:
    """Return what a foreign name means; `unit` is the one that stands behind the number, if any.

    A unit in the name counts too: `elapsed time per iteration (ms)`, `step_time_ms`, `mfu(%)`. A name that the
    catalogue lacks is kept, its unit replaced by the base unit's name: `forward_ms` becomes `forward_seconds`.
    """
    name = " ".join(name.split())[:_MAX_NAME]
    lower = name.lower()
    bare, inner = _split_unit(lower)
    factor, base = _UNITS.get(unit.lower() or inner, (1.0, ""))
    if lower in ("tflops", "tflop"):
        factor, base = _UNITS["tflops"]
    known = signals.known(lower) or signals.known(bare)
    if known:
        return Quantity(known, factor)
    return Quantity(_with_base(name[: len(bare)], base) if base else name, factor)


def _split_unit(name: str) -> tuple[str, str]:
    for pattern in (_IN_BRACKETS, _BEHIND):
        match = pattern.match(name)
        if match and match[2] in _UNITS and match[1]:
            return match[1], match[2]
    return name, ""


def _with_base(bare: str, base: str) -> str:
    return bare if bare.lower().endswith(base) else f"{bare}_{base}"

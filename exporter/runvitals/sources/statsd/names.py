"""Which signal a StatsD metric becomes, and in which unit.

| type | signals |
| --- | --- |
| `g` | `<name>` |
| `c` | `<name>_per_second`, a trailing `_total` removed |
| `ms` | `<name>_mean_seconds`, `<name>_p99_seconds` |
| `h`, `d` | with a unit of time in the name, the same two, in seconds; else `<name>_mean`, `<name>_p99`, as sent |

The catalogue's names apply to all, so the mean of a timer `step_time` is `step_seconds`, the signal detectors watch,
with `step_p99_seconds` beside it. DogStatsD names hold no slash: `train.loss` is looked up as `train/loss` too.

`ms` is milliseconds, as the protocol says. Histograms and distributions state no unit, so the name must: `_seconds`,
`_milliseconds`, `_ms`, … at its end, also after a dot; a name without one is taken to be no time at all (a batch size,
a number of tokens), and its values are left alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from runvitals.catalogue import signals

_TIME_UNITS = {
    "seconds": 1.0,
    "secs": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "milliseconds": 1e-3,
    "millis": 1e-3,
    "msec": 1e-3,
    "ms": 1e-3,
    "microseconds": 1e-6,
    "micros": 1e-6,
    "us": 1e-6,
    "nanoseconds": 1e-9,
    "nanos": 1e-9,
    "ns": 1e-9,
}
_KNOWN = frozenset(signal.name for signal in signals.ALL)


class TimingNames(NamedTuple):
    """The two signals of a timer, histogram or distribution, and what its values are multiplied by."""

    mean: str
    p99: str
    scale: float


@lru_cache(maxsize=4096)
def gauge_name(name: str) -> str:
    """Return the canonical name of a gauge, also of one that has dots where its trainer has slashes."""
    found = signals.canonical(name)
    if found in _KNOWN:
        return found
    slashed = signals.canonical(name.replace(".", "/"))
    return slashed if slashed in _KNOWN else name


@lru_cache(maxsize=4096)
def count_name(name: str) -> str:
    """Return the signal of a counter's rate."""
    return f"{gauge_name(name).removesuffix('_total')}_per_second"


@lru_cache(maxsize=4096)
def timing_names(name: str, kind: str, timer_scale: float) -> TimingNames:
    """Return the signals of a timer (`ms`), histogram (`h`) or distribution (`d`).

    `timer_scale` is the unit of `ms`, in seconds.
    """
    stem, unit = split_time_unit(name)
    if kind == "ms":
        return _in_seconds(stem, name, timer_scale)
    if unit is not None:
        return _in_seconds(stem, name, unit)
    known = gauge_name(name)
    if known in _KNOWN and known.endswith("_seconds"):
        return _in_seconds(known.removesuffix("_seconds"), known, 1.0)
    return TimingNames(known if known in _KNOWN else f"{known}_mean", f"{known}_p99", 1.0)


def split_time_unit(name: str) -> tuple[str, float | None]:
    """Split `step_time_ms` into (`step_time`, 0.001); without a unit of time at its end, (name, None)."""
    for separator in "_.":
        stem, _, suffix = name.rpartition(separator)
        if stem and suffix.lower() in _TIME_UNITS:
            return stem, _TIME_UNITS[suffix.lower()]
    return name, None


def _in_seconds(stem: str, name: str, scale: float) -> TimingNames:
    for candidate in (name, stem, f"{stem}_seconds"):
        known = gauge_name(candidate)
        if known in _KNOWN and known.endswith("_seconds"):
            return TimingNames(known, f"{known.removesuffix('_seconds')}_p99_seconds", scale)
    return TimingNames(f"{stem}_mean_seconds", f"{stem}_p99_seconds", scale)

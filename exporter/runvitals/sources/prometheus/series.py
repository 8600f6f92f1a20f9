"""One series of a page, and how much it grew since the page before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted; without a histogram's `le` and a summary's `quantile`."""


class Series(msgspec.Struct):
    """A gauge's or counter's value, or a histogram's or summary's parts; None for what the page does not have.

    `buckets` are cumulative counts by upper bound, `created` is the Unix time at which the server began to count.
    """

    value: float | None = None
    sum: float | None = None
    count: float | None = None
    created: float | None = None
    buckets: dict[float, float] = {}
    quantiles: dict[float, float] = {}


class Seen(NamedTuple):
    """A series as it is now, and what it grew by in the interval (None where that is not known)."""

    labels: Mapping[str, str]
    now: Series
    growth: Series | None


def growth_of(before: Series, now: Series) -> Series:
    """Return how much a counter, histogram or summary grew; all that it has, where it was reset in between.

    Of a part that one of the two pages lacks (a line that could not be read) nothing is known.
    """
    if has_restarted(before, now):
        return now
    return Series(
        _difference(before.value, now.value),
        _difference(before.sum, now.sum),
        _difference(before.count, now.count),
        buckets={
            bound: count - before.buckets[bound] for bound, count in now.buckets.items() if bound in before.buckets
        },
    )


def has_restarted(before: Series, now: Series) -> bool:
    """Return whether the server counts anew: any count fell, or it says that it began later."""
    if before.created is not None and now.created is not None and now.created > before.created:
        return True
    if _fell(before.value, now.value) or _fell(before.count, now.count):
        return True
    return any(now.buckets.get(bound, count) < count for bound, count in before.buckets.items())


def _fell(before: float | None, now: float | None) -> bool:
    return before is not None and now is not None and now < before


def _difference(before: float | None, now: float | None) -> float | None:
    return None if now is None or before is None else now - before

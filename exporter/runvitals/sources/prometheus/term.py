"""A metric in a reading, and what its series come to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from runvitals.sources.prometheus.series import Seen

Group = Mapping[str, Sequence[Seen]]
"""What one model, or one GPU, has on the page: its series by metric."""

Part = Literal["value", "sum", "count"]


class Term(NamedTuple):
    """A metric, or the series of it whose labels match; a histogram's `sum` or `count` if `part` says so.

    A term that has no series is unknown. Where the server creates a series only when it first counts (an HTTP status),
    it is 0 as long as the metric `zero_beside` has series. A `mask` makes of a field of bits whether any of it is set.
    """

    metric: str
    where: Mapping[str, str] = {}
    factor: float = 1.0
    part: Part = "value"
    zero_beside: str = ""
    mask: int = 0

    def series(self, group: Group) -> list[Seen] | None:
        """Return the series of the term; None where it is unknown."""
        found = [seen for seen in group.get(self.metric, ()) if _matches(seen.labels, self.where)]
        return found if found or group.get(self.zero_beside) else None

    def level(self, seen: Seen) -> float | None:
        """Return the newest value of one series; None where there is none."""
        value = getattr(seen.now, self.part)
        if value is None:
            return None
        return float(bool(int(value) & self.mask)) if self.mask else value * self.factor

    def growth(self, group: Group) -> float | None:
        """Return how much the counter grew in the interval; None where that is not known."""
        grown = [getattr(seen.growth, self.part) for seen in self.series(group) or () if seen.growth is not None]
        known = [growth for growth in grown if growth is not None]
        return sum(known) * self.factor if known or self.is_zero(group) else None

    def is_zero(self, group: Group) -> bool:
        """Return whether the server has counted nothing yet, and its other counters were there in the interval."""
        beside = group.get(self.zero_beside, ())
        return not self.series(group) and any(seen.growth is not None for seen in beside)


def metrics_of(terms: Sequence[Term]) -> Mapping[str, bool]:
    """Return the metrics of terms, and whether each is a histogram or summary."""
    return {term.metric: term.part != "value" for term in terms}


def are_known(terms: Sequence[Term], group: Group) -> bool:
    """Return whether every term is known."""
    return all(term.series(group) is not None for term in terms)


def total_growth(terms: Sequence[Term], group: Group) -> float | None:
    """Return how much the counters grew together; None where none of them is known."""
    known = [growth for term in terms if (growth := term.growth(group)) is not None]
    return sum(known) if known else None


def levels(terms: Sequence[Term], group: Group) -> list[float]:
    """Return the newest values of all series."""
    found = [term.level(seen) for term in terms for seen in term.series(group) or ()]
    return [value for value in found if value is not None]


def _matches(labels: Mapping[str, str], where: Mapping[str, str]) -> bool:
    return all(_pattern(pattern).fullmatch(labels.get(name, "")) for name, pattern in where.items())


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)

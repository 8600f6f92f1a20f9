"""From the series of a page to the value of a signal: what the tables of the engines are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from runvitals.catalogue import signals
from runvitals.catalogue.signals import Signal
from runvitals.sources.prometheus.quantile import histogram_quantile
from runvitals.sources.prometheus.series import Seen
from runvitals.sources.prometheus.settings import Combine

Group = Mapping[str, Sequence[Seen]]
"""What one model, or one GPU, has on the page: its series by metric."""

Part = Literal["value", "sum", "count"]
Values = Iterator[tuple[str, float]]


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
        known = [seen.growth for seen in self.series(group) or () if seen.growth is not None]
        if not known and not self.is_zero(group):
            return None
        return sum(getattr(growth, self.part) or 0.0 for growth in known) * self.factor

    def is_zero(self, group: Group) -> bool:
        """Return whether the server has counted nothing yet, and its other counters were there in the interval."""
        beside = group.get(self.zero_beside, ())
        return not self.series(group) and any(seen.growth is not None for seen in beside)


class Reading(Protocol):
    """How one signal, or a few, come from a group. Of two readings of one signal the first that is published counts."""

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metrics that are read, and whether each is a histogram or summary."""

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signals whose metrics are there, whether or not they have a value now."""

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield signal and value; `seconds` is the length of the interval, None where there is none yet."""


class Level(NamedTuple):
    """A gauge, or the sum of several; its series are summed, or the largest or mean of them taken."""

    signal: Signal
    terms: tuple[Term, ...]
    combine: Combine = "sum"

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metrics that are read."""
        return _metrics(self.terms)

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where any of its terms has series."""
        return (self.signal.name,) if any(term.series(group) for term in self.terms) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the level."""
        del seconds
        found = [term.level(seen) for term in self.terms for seen in term.series(group) or ()]
        known = [value for value in found if value is not None]
        if known:
            total = max(known) if self.combine == "max" else sum(known)
            yield self.signal.name, total / len(known) if self.combine == "mean" else total


class Rate(NamedTuple):
    """What counters grew in the interval, per second."""

    signal: Signal
    terms: tuple[Term, ...]

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metrics that are read."""
        return _metrics(self.terms)

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where any of its terms is known."""
        return (self.signal.name,) if any(term.series(group) is not None for term in self.terms) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the rate."""
        growth = _total_growth(self.terms, group)
        if seconds and growth is not None:
            yield self.signal.name, growth / seconds


class Quotient(NamedTuple):
    """What counters grew in the interval, over what others did: a mean, or a share. 0 over 0 is unknown."""

    signal: Signal
    over: tuple[Term, ...]
    under: tuple[Term, ...]

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metrics that are read."""
        return _metrics((*self.over, *self.under))

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where both sides are known."""
        return (self.signal.name,) if _has_all((*self.over, *self.under), group) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the quotient."""
        over, under = _total_growth(self.over, group), _total_growth(self.under, group)
        if seconds and over is not None and under:
            yield self.signal.name, over / under


class Share(NamedTuple):
    """One level over others, as they are now."""

    signal: Signal
    over: tuple[Term, ...]
    under: tuple[Term, ...]

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metrics that are read."""
        return _metrics((*self.over, *self.under))

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where both sides are known."""
        return (self.signal.name,) if _has_all((*self.over, *self.under), group) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the share."""
        del seconds
        over, under = _total_level(self.over, group), _total_level(self.under, group)
        if over is not None and under:
            yield self.signal.name, over / under


class Timing(NamedTuple):
    """The three signals that a distribution becomes."""

    mean: Signal
    p50: Signal
    p99: Signal


class Distribution(NamedTuple):
    """A histogram: mean, p50 and p99 of what was observed in the interval, all series together.

    Of a summary the mean is that of the interval, the quantiles are the server's own, the largest of all series, and
    only taken while it observes anything.
    """

    timing: Timing
    term: Term

    @property
    def metrics(self) -> Mapping[str, bool]:
        """The metric that is read."""
        return {self.term.metric: True}

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the mean, and the quantiles where there are buckets or quantiles."""
        found = self.term.series(group) or []
        names = [self.timing.mean.name] if any(seen.now.count is not None for seen in found) else []
        for q, signal in self._quantiles():
            if any(seen.now.buckets or q in seen.now.quantiles for seen in found):
                names.append(signal.name)
        return tuple(names)

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield mean and quantiles; nothing where nothing was observed."""
        busy = [seen for seen in self.term.series(group) or () if seen.growth is not None and seen.growth.count]
        if not seconds or not busy:
            return
        yield from self._mean(busy)
        buckets: dict[float, float] = {}
        for seen in busy:
            for bound, count in seen.growth.buckets.items() if seen.growth else ():
                buckets[bound] = buckets.get(bound, 0.0) + count
        for q, signal in self._quantiles():
            value = histogram_quantile(q, buckets) if buckets else _largest_quantile(q, busy)
            if value is not None:
                yield signal.name, value * self.term.factor

    def _mean(self, busy: Sequence[Seen]) -> Values:
        sums = [seen.growth.sum for seen in busy if seen.growth and seen.growth.sum is not None]
        counts = [seen.growth.count for seen in busy if seen.growth and seen.growth.count is not None]
        if len(sums) == len(counts):
            yield self.timing.mean.name, sum(sums) / sum(counts) * self.term.factor

    def _quantiles(self) -> tuple[tuple[float, Signal], ...]:
        return (0.5, self.timing.p50), (0.99, self.timing.p99)


REQUEST = Timing(signals.REQUEST, signals.REQUEST_P50, signals.REQUEST_P99)
FIRST_TOKEN = Timing(signals.TIME_TO_FIRST_TOKEN, signals.TIME_TO_FIRST_TOKEN_P50, signals.TIME_TO_FIRST_TOKEN_P99)
OUTPUT_TOKEN = Timing(
    signals.TIME_PER_OUTPUT_TOKEN, signals.TIME_PER_OUTPUT_TOKEN_P50, signals.TIME_PER_OUTPUT_TOKEN_P99
)
QUEUE = Timing(signals.QUEUE, signals.QUEUE_P50, signals.QUEUE_P99)
PREFILL = Timing(signals.PREFILL, signals.PREFILL_P50, signals.PREFILL_P99)
DECODE = Timing(signals.DECODE, signals.DECODE_P50, signals.DECODE_P99)


def _matches(labels: Mapping[str, str], where: Mapping[str, str]) -> bool:
    return all(_pattern(pattern).fullmatch(labels.get(name, "")) for name, pattern in where.items())


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _metrics(terms: Sequence[Term]) -> Mapping[str, bool]:
    return {term.metric: term.part != "value" for term in terms}


def _has_all(terms: Sequence[Term], group: Group) -> bool:
    return all(term.series(group) is not None for term in terms)


def _total_growth(terms: Sequence[Term], group: Group) -> float | None:
    known = [growth for term in terms if (growth := term.growth(group)) is not None]
    return sum(known) if known else None


def _total_level(terms: Sequence[Term], group: Group) -> float | None:
    found = [term.level(seen) for term in terms for seen in term.series(group) or ()]
    known = [value for value in found if value is not None]
    return sum(known) if known else None


def _largest_quantile(q: float, busy: Sequence[Seen]) -> float | None:
    return max((seen.now.quantiles[q] for seen in busy if q in seen.now.quantiles), default=None)

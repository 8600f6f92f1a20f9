"""From the series of a page to the value of a signal: what the tables of the engines are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from runvitals.catalogue.signals import Signal
from runvitals.sources.prometheus.settings import Combine
from runvitals.sources.prometheus.term import Group, Term, are_known, levels, metrics_of, total_growth

Values = Iterator[tuple[str, float]]


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
        return metrics_of(self.terms)

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where any of its terms has series."""
        return (self.signal.name,) if any(term.series(group) for term in self.terms) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the level."""
        del seconds
        known = levels(self.terms, group)
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
        return metrics_of(self.terms)

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where any of its terms is known."""
        return (self.signal.name,) if any(term.series(group) is not None for term in self.terms) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the rate."""
        growth = total_growth(self.terms, group)
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
        return metrics_of((*self.over, *self.under))

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where both sides are known."""
        return (self.signal.name,) if are_known((*self.over, *self.under), group) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the quotient."""
        over, under = total_growth(self.over, group), total_growth(self.under, group)
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
        return metrics_of((*self.over, *self.under))

    def published(self, group: Group) -> tuple[str, ...]:
        """Return the signal where both sides are known."""
        return (self.signal.name,) if are_known((*self.over, *self.under), group) else ()

    def values(self, group: Group, seconds: float | None) -> Values:
        """Yield the share."""
        del seconds
        over, under = levels(self.over, group), sum(levels(self.under, group))
        if over and under:
            yield self.signal.name, sum(over) / under

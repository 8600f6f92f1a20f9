"""Histograms and summaries: mean, p50 and p99 of an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runvitals.catalogue import signals
from runvitals.catalogue.signals import Signal
from runvitals.sources.prometheus.quantile import histogram_quantile
from runvitals.sources.prometheus.reading import Values
from runvitals.sources.prometheus.series import Seen
from runvitals.sources.prometheus.term import Group, Term


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


def _largest_quantile(q: float, busy: Sequence[Seen]) -> float | None:
    return max((seen.now.quantiles[q] for seen in busy if q in seen.now.quantiles), default=None)


REQUEST = Timing(signals.REQUEST, signals.REQUEST_P50, signals.REQUEST_P99)
FIRST_TOKEN = Timing(signals.TIME_TO_FIRST_TOKEN, signals.TIME_TO_FIRST_TOKEN_P50, signals.TIME_TO_FIRST_TOKEN_P99)
OUTPUT_TOKEN = Timing(
    signals.TIME_PER_OUTPUT_TOKEN, signals.TIME_PER_OUTPUT_TOKEN_P50, signals.TIME_PER_OUTPUT_TOKEN_P99
)
QUEUE = Timing(signals.QUEUE, signals.QUEUE_P50, signals.QUEUE_P99)
PREFILL = Timing(signals.PREFILL, signals.PREFILL_P50, signals.PREFILL_P99)
DECODE = Timing(signals.DECODE, signals.DECODE_P50, signals.DECODE_P99)

"""How much every series grew since the page before."""

from __future__ import annotations

from runvitals.sources.prometheus.page import MetricKey, Page
from runvitals.sources.prometheus.series import Labels, Series, growth_of

Grown = dict[tuple[MetricKey, Labels], Series]
"""What each series grew by."""


class Growth:
    """Remembers the series of earlier pages, at most `max_series` that are not on the newest.

    What a page lacks is remembered, so that a series that comes back did not grow from nothing. A series that comes new
    to a metric that was there counts from 0: it was created in between. Of a metric that is new as a whole that is not
    known.
    """

    def __init__(self, max_series: int) -> None:
        self._max_series = max_series
        self._before: dict[MetricKey, dict[Labels, Series]] = {}
        self._taken: float | None = None

    def seconds(self, at: float) -> float | None:
        """Return the seconds since the page before; None if there is none."""
        return None if self._taken is None or at <= self._taken else at - self._taken

    def take(self, page: Page, at: float) -> Grown:
        """Return what each series grew by, and take the page as the one that the next is compared with."""
        grown: Grown = {}
        for metric, family in page.series.items():
            before = self._before.get(metric)
            for labels, now in family.items():
                growth = self._growth(before, labels, now)
                if growth is not None:
                    grown[metric, labels] = growth
        self._remember(page)
        self._taken = at
        return grown

    def _growth(self, before: dict[Labels, Series] | None, labels: Labels, now: Series) -> Series | None:
        if before is None:
            return None
        last = before.get(labels)
        return now if last is None else growth_of(last, now)

    def _remember(self, page: Page) -> None:
        for metric, family in page.series.items():
            self._before.setdefault(metric, {}).update(family)
        if sum(map(len, self._before.values())) > 2 * self._max_series:
            self._before = {metric: dict(family) for metric, family in page.series.items()}

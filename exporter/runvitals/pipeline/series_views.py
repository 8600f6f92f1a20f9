"""The series as the page shows them, viewed anew as often as that costs little."""

from __future__ import annotations

import time
from collections.abc import Callable

from runvitals.values import SeriesView

SHARE = 0.005
"""Of a core, at most: a hundred series are viewed every tick, a thousand every few seconds."""

MAX_AGE_SECONDS = 10.0
"""Older than this no view gets, whatever it costs: less than any usual scrape interval."""


class SeriesViews:
    """Keeps the newest views until taking others is due."""

    def __init__(self) -> None:
        self._views: tuple[SeriesView, ...] = ()
        self._due = 0.0

    def get(self, take: Callable[[], tuple[SeriesView, ...]], moment: float) -> tuple[SeriesView, ...]:
        """Return the views, taken anew if that is due at `moment` (seconds of a steady clock)."""
        if moment >= self._due:
            began = time.thread_time()
            self._views = take()
            self._due = moment + min((time.thread_time() - began) / SHARE, MAX_AGE_SECONDS)
        return self._views

    def expire(self) -> None:
        """Take them anew next time, whatever it costs."""
        self._due = 0.0

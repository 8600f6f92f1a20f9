"""The daily and the weekly season of a signal that has been watched for long enough to have one."""

from __future__ import annotations

import msgspec

from runvitals.stats.seasonal_profile import SeasonalProfile

DAY, WEEK = 86_400.0, 604_800.0
_DAILY_BINS, _WEEKLY_BINS = 48, 168  # half hours and hours


class Season(msgspec.Struct):
    """What to expect of a signal at this hour, by the better one of a daily and a weekly profile.

    Each needs three of its periods, and is in use only while it predicts. `since` is when the signal was first seen;
    the weekly profile (1.5 kB) is begun a day later. `period` is that of the profile in use, 0 for none; `error` what
    it was wrong by of late. `offset` is what it says of the newest value, else 0; `jump` is by how much that differs
    from the offset before because another profile, or none, is in use now.
    """

    since: float
    daily: SeasonalProfile = msgspec.field(default_factory=lambda: SeasonalProfile.of(DAY, _DAILY_BINS))
    weekly: SeasonalProfile | None = None
    period: float = 0.0
    error: float = 0.0
    offset: float = 0.0
    jump: float = 0.0

    def observe(self, value: float, time: float) -> None:
        """Say what was to be expected of a value, as known before it, and learn from it."""
        used, expected = self.daily, self.daily.observe(value, time)
        weekly = self.weekly
        if weekly is not None:
            by_week = weekly.observe(value, time)
            if by_week is not None and (expected is None or weekly.error < used.error):
                used, expected = weekly, by_week
        elif time - self.since > DAY:
            self.weekly = SeasonalProfile.of(WEEK, _WEEKLY_BINS)
        if expected is None:
            self._use(0.0, 0.0)
        else:
            self.error = used.error
            self._use(used.period, expected)

    def _use(self, period: float, offset: float) -> None:
        self.jump = offset - self.offset if period != self.period else 0.0
        self.period, self.offset = period, offset

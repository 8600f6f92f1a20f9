"""What a signal usually is at this time of the day, or of the week, and whether knowing that helps."""

from __future__ import annotations

from struct import Struct

import msgspec

_NUMBER = Struct("<d")
_NEEDED = 3  # earlier visits that a bin needs before it says what to expect
_JUDGED = 2  # earlier visits from which on it is tried what it would have said
_SLOWEST = 0.2  # share of one visit: a profile follows a change in about five periods
_CLIP = 3.0  # usual errors: one odd visit counts as no more
_GOOD, _POOR = 0.5, 0.75  # of the error without the profile: below the first it is used, above the second no longer
_LARGEST = 1e300


class SeasonalProfile(msgspec.Struct):
    """Mean values by the phase of a period that is cut into bins, linear between the middles of two.

    A visit is the time that the signal spends in a bin, once a period. Its mean is compared with what the bin said
    before it, and with what the mean of the last period says: only where the first error is at most half of the second,
    on the newest period's worth of visits, is the profile of any use. A visit enters its bin one bin later, so that no
    value is compared with anything of its own hour.

    Memory: nine bytes a bin. Time is wall-clock time, UTC: a change to summer time is learned like any other.
    """

    period: float
    bins: int
    means: bytearray
    visits: bytearray
    bin: int = -1
    mean: float = 0.0
    count: int = 0
    left_bin: int = -1
    left_mean: float = 0.0
    level: float = 0.0
    levels: int = 0
    error: float = 0.0
    plain_error: float = 0.0
    judged: int = 0
    is_used: bool = False

    @classmethod
    def of(cls, period: float, bins: int) -> SeasonalProfile:
        """Return an empty one; `period` in seconds."""
        return cls(period, bins, bytearray(_NUMBER.size * bins), bytearray(bins))

    def observe(self, value: float, time: float) -> float | None:
        """Return what was to be expected at this time, None where that is not known or of no use; learn the value."""
        phase = time % self.period / self.period * self.bins
        place = min(int(phase), self.bins - 1)
        if place != self.bin:
            self._turn_to(place)
        self.count = count = self.count + 1
        self.mean += (max(-_LARGEST, min(value, _LARGEST)) - self.mean) / count
        return self._expected(place, phase - place - 0.5) if self.is_used else None

    def _expected(self, place: int, part: float) -> float | None:
        """Return the profile `part` of a bin (-0.5..0.5) from the middle of a bin."""
        other = (place + (1 if part > 0.0 else -1)) % self.bins
        if self.visits[place] < _NEEDED or self.visits[other] < _NEEDED:
            return None
        share = abs(part)
        return (1.0 - share) * self._bin_mean(place) + share * self._bin_mean(other)

    def _bin_mean(self, place: int) -> float:
        mean: float = _NUMBER.unpack_from(self.means, place * _NUMBER.size)[0]
        return mean

    def _turn_to(self, place: int) -> None:
        """End the visit to a bin: what it showed is judged now, and learned when the next one ends."""
        if self.left_bin >= 0:
            self._learn(self.left_bin, self.left_mean)
        if self.bin >= 0:
            self._judge(self.bin, self.mean)
        self.left_bin, self.left_mean = self.bin, self.mean
        self.bin, self.mean, self.count = place, 0.0, 0

    def _judge(self, place: int, mean: float) -> None:
        """Compare what the bin says, and what the last period's mean says, with what came."""
        if self.visits[place] >= _JUDGED:
            self.judged = judged = self.judged + 1
            weight, most = 1.0 / min(judged, self.bins), _CLIP * self.plain_error or _LARGEST
            self.error += weight * (min(abs(mean - self._bin_mean(place)), most) - self.error)
            self.plain_error += weight * (min(abs(mean - self.level), most) - self.plain_error)
            limit = _POOR if self.is_used else _GOOD
            self.is_used = judged >= self.bins // 2 and self.error < limit * self.plain_error
        self.levels += 1
        self.level += (mean - self.level) / min(self.levels, self.bins)

    def _learn(self, place: int, mean: float) -> None:
        visits, known = self.visits[place], self._bin_mean(place)
        difference = mean - known
        if self.is_used:
            difference = max(-_CLIP * self.error, min(difference, _CLIP * self.error))
        _NUMBER.pack_into(self.means, place * _NUMBER.size, known + max(1.0 / (visits + 1), _SLOWEST) * difference)
        self.visits[place] = min(visits + 1, 255)

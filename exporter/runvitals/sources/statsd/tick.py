"""What StatsD lines come to within one tick: every gauge value by itself, one rate a counter, mean and p99 a timer."""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal, NamedTuple

from runvitals.sources.statsd.gauges import GaugeMemory
from runvitals.sources.statsd.lines import Line, LineRejected, parse_line
from runvitals.sources.statsd.names import count_name, gauge_name, timing_names
from runvitals.sources.statsd.reasons import Reason
from runvitals.sources.statsd.timings import Timings
from runvitals.values import Sample

SignedGauges = Literal["by_dialect", "delta", "value"]
MAX_TIMESTAMP_AGE = 3600.0
MAX_TIMESTAMP_LEAD = 60.0
BYTES_OF_A_LINE = 128
"""A longer line uses up the tick as several would, so that the bound on lines is one on time spent as well."""


class Reading(NamedTuple):
    """How lines are read, and the bounds on one tick."""

    run: str
    rank: str
    signed_gauges: SignedGauges
    timer_scale: float
    max_lines: int
    max_series: int
    max_label_characters: int


class SeriesKey(NamedTuple):
    """What tells one StatsD metric from another."""

    run: str
    rank: str
    layer: str
    name: str
    kind: str


class Tick:
    """Lines in, samples out. Gauges keep their order of arrival, since detectors see every value."""

    def __init__(self, reading: Reading, gauges: GaugeMemory) -> None:
        self.rejected: Counter[Reason] = Counter()
        self._reading = reading
        self._gauges = gauges
        self._budget = reading.max_lines
        self._keys: set[SeriesKey] = set()
        self._steps: dict[SeriesKey, int] = {}
        self._samples: list[Sample] = []
        self._counts: dict[SeriesKey, float] = {}
        self._timings: dict[SeriesKey, Timings] = {}
        self._set_in_datagram: SeriesKey | None = None

    @property
    def full(self) -> bool:
        """True once the tick takes no more lines."""
        return self._budget <= 0

    def take_datagram(self, payload: bytes, time: float) -> None:
        """Take every line of a datagram that arrived at `time`, Unix seconds."""
        self._set_in_datagram = None
        for raw in payload.rstrip(b"\n").split(b"\n"):
            self._take_raw(raw, time)

    def reject(self, reason: Reason, count: int = 1) -> None:
        """Count what was not taken; it uses up the tick as a line would."""
        self.rejected[reason] += count
        self._budget -= 1

    def finish(self, time: float, seconds: float) -> list[Sample]:
        """Return the samples of a tick of `seconds` that ends at `time`."""
        samples = self._samples
        for key, total in self._counts.items():
            samples.append(self._sample(key, count_name(key.name), time, total / seconds))
        for key, timings in self._timings.items():
            names = timing_names(key.name, key.kind, self._reading.timer_scale)
            samples.append(self._sample(key, names.mean, time, timings.mean() * names.scale))
            samples.append(self._sample(key, names.p99, time, timings.quantile(0.99) * names.scale))
        return samples

    def _sample(self, key: SeriesKey, signal: str, time: float, value: float) -> Sample:
        return Sample(key.run, key.rank, signal, key.layer, time, self._steps.get(key), value)

    def _take_raw(self, raw: bytes, time: float) -> None:
        if self.full:
            self.rejected[Reason.TOO_MANY_LINES] += 1
            return
        self._budget -= 1 + len(raw) // BYTES_OF_A_LINE
        try:
            line = parse_line(raw, self._reading.max_label_characters)
        except LineRejected as rejection:
            self.rejected[rejection.reason] += 1
            return
        if line.flaws:
            self.rejected.update(line.flaws)
        self._take(line, self._key(line), time)

    def _key(self, line: Line) -> SeriesKey:
        tags = line.tags
        return SeriesKey(
            tags.run or self._reading.run, tags.rank or self._reading.rank, tags.layer, line.name, line.type
        )

    def _take(self, line: Line, key: SeriesKey, time: float) -> None:
        if key not in self._keys and len(self._keys) >= self._reading.max_series:
            self.rejected[Reason.TOO_MANY_SERIES] += 1
            return
        self._keys.add(key)
        if line.type == "g":
            self._take_gauge(line, key, time)
            return
        if line.tags.step is not None:
            self._steps[key] = max(line.tags.step, self._steps.get(key, 0))
        for value in line.values:
            self._take_number(key, value, line.sample_rate)

    def _take_number(self, key: SeriesKey, value: float, sample_rate: float) -> None:
        weight = 1.0 / sample_rate
        if not math.isfinite(value * weight):
            self.rejected[Reason.NONFINITE] += 1
        elif key.kind == "c":
            self._counts[key] = self._counts.get(key, 0.0) + value * weight
        else:
            self._timings.setdefault(key, Timings()).add(value, weight)

    def _take_gauge(self, line: Line, key: SeriesKey, time: float) -> None:
        signal = gauge_name(line.name)
        stamp = self._stamp(line.timestamp, time)
        for value, sign in zip(line.values, line.signs, strict=True):
            if self._is_change(value, sign, line.dogstatsd):
                changed = self._change(key, value, time)
                if changed is None:
                    continue
                value = changed  # noqa: PLW2901  the value of the gauge is what the change leads to
            else:
                self._gauges.put(key, value, time)
                self._set_in_datagram = key
            self._samples.append(Sample(key.run, key.rank, signal, key.layer, stamp, line.tags.step, value))

    def _is_change(self, value: float, sign: str, dogstatsd: bool) -> bool:
        """Tell a change from a number with a sign, on which the two dialects disagree.

        In StatsD any sign is a change. DogStatsD knows no changes, and its clients write -5 for minus five; none
        of them writes a plus.
        """
        if not sign or not math.isfinite(value) or self._reading.signed_gauges == "value":
            return False
        return self._reading.signed_gauges == "delta" or sign == "+" or not dogstatsd

    def _change(self, key: SeriesKey, change: float, time: float) -> float | None:
        value = self._gauges.add(key, change, time)
        if value is None:
            self.rejected[Reason.GAUGE_MEMORY_FULL] += 1
        elif self._set_in_datagram == key and self._samples[-1].value == 0.0:
            # A StatsD client sends minus five as 0 and then -5 in one datagram: the 0 was never a value.
            self._samples.pop()
        self._set_in_datagram = None
        return value

    def _stamp(self, timestamp: float | None, time: float) -> float:
        if timestamp is None:
            return time
        if time - MAX_TIMESTAMP_AGE <= timestamp <= time + MAX_TIMESTAMP_LEAD:
            return timestamp
        self.rejected[Reason.BAD_TIMESTAMP] += 1
        return time

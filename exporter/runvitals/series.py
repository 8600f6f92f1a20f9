"""The bounded recent past of every signal: what was seen, and how the newest value compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from math import isfinite, isnan

import msgspec

from runvitals.anomaly.alert import AlertGate
from runvitals.anomaly.score import AnomalyScore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.catalogue.signals import BadSide, bad_side
from runvitals.settings import Settings
from runvitals.stats.baseline import Baseline
from runvitals.stats.sliding_maximum import GRAIN, SlidingMaximum
from runvitals.values import Sample, SeriesView


class SeriesSettings(Settings, frozen=True):
    """How much of a signal is remembered, and how many signals are.

    A value that comes with a step more than `late_steps` older than the newest, or the `late_run`-th late one in a row,
    begins a new segment: the run went back, and what follows is not late.
    """

    window: int = 256
    minimum: int = 64
    late_steps: int = 64
    late_run: int = 8
    max_series: int = 10_000
    max_series_per_run: int = 5_000
    max_series_per_source: int = 8_000
    anomaly: AnomalySettings = AnomalySettings()

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 2 <= self.minimum <= self.window:
            raise ValueError(f"minimum must be from 2 to window ({self.window}), not {self.minimum}")
        if self.window > 65_536:
            raise ValueError(f"window must be at most 65536, not {self.window}")
        if (
            min(self.late_steps, self.late_run, self.max_series, self.max_series_per_run, self.max_series_per_source)
            < 1
        ):
            raise ValueError("late_steps, late_run and the limits on series must be at least 1")


class Admission(Enum):
    """What became of a sample."""

    SCORED = "scored"
    NONFINITE = "nonfinite"
    LATE = "late"
    REPEATED = "repeated"


MOST_WAITING = 16
"""So many values of a series may wait for their scores: then they are taken in together."""

SCORED, NONFINITE = Admission.SCORED, Admission.NONFINITE
"""The usual ones by a name of their own: an enum looks its members up anew each time."""


class SeriesKey(msgspec.Struct, frozen=True):
    """What tells one series from another, and the source it came from first."""

    run: str
    rank: str
    signal: str
    layer: str
    source: str = ""


@dataclass(slots=True)
class Series:
    """One signal of one rank.

    The newest value is kept apart from the window, so that it is compared with what came before it. Values that are not
    finite are counted and never enter the window. `segment` grows when the run resumes or goes back.

    Values whose scores nobody asks for one by one may wait (`waiting`: time and value of each, in turn). The statistics
    and scores are those of the newest value once they have been settled; when that is makes no difference to them.
    """

    key: SeriesKey
    baseline: Baseline
    peak: SlidingMaximum
    value: float = 0.0
    time: float = 0.0
    step: int | None = None
    zscore: float | None = None
    segment: int = 0
    samples: int = 0
    nonfinite: int = 0
    late: int = 0
    late_in_a_row: int = 0
    anomaly: AnomalyScore = field(default_factory=AnomalyScore)
    anomaly_peak: SlidingMaximum = field(default_factory=SlidingMaximum)
    alerts: AlertGate = field(default_factory=AlertGate)
    side: BadSide = "both"
    alert_score: float | None = None
    waiting: list[float] = field(default_factory=list)

    @classmethod
    def create(cls, sample: Sample, settings: SeriesSettings, source: str = "") -> Series:
        """Return the series that a sample belongs to, before its first one."""
        key = SeriesKey(sample.run, sample.rank, sample.signal, sample.layer, source)
        baseline = Baseline.of_size(settings.window, settings.minimum)
        return cls(key, baseline, SlidingMaximum(), side=bad_side(sample.signal))

    def admit(self, sample: Sample, settings: SeriesSettings, *, may_wait: bool = False) -> Admission:
        """Take a sample in; statistics and scores then are those of this sample, if it was scored and may not wait."""
        _, _, _, _, time, step, value = sample
        self.samples += 1
        is_finite = isfinite(value)
        if not is_finite:
            self.nonfinite += 1
        newest = self.step
        if step is None or newest is None or step > newest:
            self.late_in_a_row = 0
        else:
            refused = self._refused(newest - step, value, settings)
            if refused is not None:
                return refused
        self.value, self.time, self.step = value, time, step
        if not is_finite:
            self._skip(settings)
            return NONFINITE
        waiting = self.waiting
        if not (may_wait or waiting):
            self._score(time, value, settings)
            return SCORED
        waiting += time, value
        if not may_wait or len(waiting) >= 2 * MOST_WAITING:
            self.settle(settings)
        return SCORED

    def settle(self, settings: SeriesSettings) -> None:
        """Score the values that wait."""
        waiting = self.waiting
        if waiting:
            pairs = iter(waiting)
            for time, value in zip(pairs, pairs, strict=True):
                self._score(time, value, settings)
            waiting.clear()

    def start_segment(self) -> None:
        """Begin anew: what comes is not compared with what was. Nothing may wait any more."""
        self.segment += 1
        self.baseline.clear()
        self.anomaly.start_segment()
        self.step = self.zscore = self.alert_score = None
        self.late_in_a_row = 0

    def _skip(self, settings: SeriesSettings) -> None:
        """Pass over a value that is no number: nothing is known of it."""
        self.settle(settings)
        self.baseline.settle()
        self.anomaly.skip()
        self.zscore = self.alert_score = None

    def _score(self, time: float, value: float, settings: SeriesSettings) -> None:
        baseline, anomaly = self.baseline, self.anomaly
        self.zscore = zscore = baseline.observe(value)
        if zscore is not None:
            peak, distance = self.peak, zscore if zscore > 0.0 else -zscore
            if distance > peak.newest or not -GRAIN <= time - peak.ends < 0.0:  # else a push changes nothing
                peak.push(time, distance)
        anomaly.observe(value, time, baseline.window, settings.minimum, settings.anomaly)
        score = anomaly.score
        if score is None:
            self.alert_score = None
            return
        peak = self.anomaly_peak
        if score > peak.newest or not -GRAIN <= time - peak.ends < 0.0:
            peak.push(time, score)
        limits, side = settings.anomaly, self.side
        worse = score if side == "both" else anomaly.alert(side, value, baseline.window, limits)
        self.alert_score = self.alerts.observe(worse, limits.refractory, limits.margin)

    def _refused(self, behind: int, value: float, settings: SeriesSettings) -> Admission | None:
        """Return why a value so many steps behind the newest, or at the same one, is not taken in; None if it is."""
        if behind:
            return Admission.LATE if self._is_late(behind, settings) else None
        self.late_in_a_row = 0
        return Admission.REPEATED if self._is_repeated(value) else None

    def _is_late(self, behind: int, settings: SeriesSettings) -> bool:
        """Return whether a sample so many steps behind the newest comes late; if not, the run went back."""
        self.late_in_a_row += 1
        if behind > settings.late_steps or self.late_in_a_row >= settings.late_run:
            self.settle(settings)
            self.start_segment()
            return False
        self.late += 1
        return True

    def _is_repeated(self, value: float) -> bool:
        """Return whether this is the same line again; another value at the same step is news (micro-batches)."""
        return value == self.value or (isnan(value) and isnan(self.value))

    def recent(self, count: int) -> list[float]:
        """Return at most so many of the newest finite values, oldest first."""
        baseline = self.baseline
        if baseline.value is None:
            return baseline.window.newest(count)
        return [*baseline.window.newest(count - 1), baseline.value]

    def view(self, now: float, recent: int = 0) -> SeriesView:
        """Return the series, in which nothing waits, as the page shows it, with so many of its newest values."""
        window = self.baseline.window
        return SeriesView(
            run=self.key.run,
            rank=self.key.rank,
            signal=self.key.signal,
            layer=self.key.layer,
            value=self.value,
            time=self.time,
            window_samples=len(window),
            samples=self.samples,
            nonfinite=self.nonfinite,
            late=self.late,
            mean=window.mean,
            stddev=window.stddev,
            zscore=self.zscore,
            robust_zscore=self.baseline.robust_zscore,
            zscore_peak=self.peak.get(now),
            anomaly_score=self.anomaly.score,
            anomaly_score_peak=self.anomaly_peak.get(now),
            recent=self.recent(recent) if recent else (),
            expected=self.baseline.expected_range if recent else None,
        )


class SeriesStore:
    """All series, bounded per source, per run and in all; what is over a limit is dropped and counted."""

    def __init__(self, settings: SeriesSettings) -> None:
        self.settings = settings
        self.dropped: Counter[str] = Counter()
        self._series: dict[tuple[str, ...], Series] = {}
        self._of_rank: dict[tuple[str, str], list[Series]] = {}
        self._of_run: Counter[str] = Counter()
        self._of_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._series)

    def __iter__(self) -> Iterator[Series]:
        """Yield each series, settled."""
        return map(self._settled, chain.from_iterable(self._of_rank.values()))

    def find(self, sample: Sample) -> Series | None:
        """Return the sample's series, settled; None if there is none."""
        series = self._series.get(sample[:4])  # run, rank, signal, layer
        return None if series is None else self._settled(series)

    def get(self, sample: Sample, source: str) -> Series | None:
        """Return the sample's series, made if there is room; None where a limit is reached. Values of it may wait."""
        series = self._series.get(sample[:4])
        if series is None:
            limit = self._reached_limit(sample.run, source)
            if limit:
                self.dropped[limit] += 1
                return None
            series = Series.create(sample, self.settings, source)
            self._add(series)
        return series

    def of_rank(self, run: str, rank: str) -> list[Series]:
        """Return all series of a rank, settled."""
        return list(map(self._settled, self._of_rank.get((run, rank), ())))

    def remove(self, run: str, rank: str) -> None:
        """Forget all series of a rank."""
        for series in self._of_rank.pop((run, rank), ()):
            key = series.key
            del self._series[run, rank, key.signal, key.layer]
            self._of_run[run] -= 1
            self._of_source[key.source] -= 1
        if not self._of_run[run]:
            del self._of_run[run]

    def restore(self, series: Iterable[Series]) -> None:
        """Take series over from a saved state."""
        for one in series:
            self._add(one)
        self.reconfigure(self.settings)

    def reconfigure(self, settings: SeriesSettings) -> None:
        """Take over other settings; what was seen is kept."""
        known, self.settings = list(self), settings
        for series in known:
            series.baseline.resize(settings.window, settings.minimum)

    def _settled(self, series: Series) -> Series:
        if series.waiting:
            series.settle(self.settings)
        return series

    def _add(self, series: Series) -> None:
        key = series.key
        self._series[key.run, key.rank, key.signal, key.layer] = series
        self._of_rank.setdefault((key.run, key.rank), []).append(series)
        self._of_run[key.run] += 1
        self._of_source[key.source] += 1

    def _reached_limit(self, run: str, source: str) -> str:
        if len(self._series) >= self.settings.max_series:
            return "total"
        if self._of_run[run] >= self.settings.max_series_per_run:
            return "run"
        if self._of_source[source] >= self.settings.max_series_per_source:
            return "source"
        return ""

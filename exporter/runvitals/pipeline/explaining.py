"""Why the scores of one value are what they are: the pipeline's own parts, asked on copies from before the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from math import isfinite
from typing import NamedTuple, TypeVar

from runvitals.anomaly import alert_explanation
from runvitals.anomaly.explanation import Question, explain
from runvitals.catalogue.faults import Fault
from runvitals.detectors import AnyDetector
from runvitals.detectors.condition import Condition, Explained
from runvitals.detectors.explosion_explanation import explain_hazard, explain_next_step
from runvitals.detectors.gradient_explosion import GradientExplosion
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.diagnosis.hysteresis import Hysteresis
from runvitals.diagnosis.settings import FaultTable
from runvitals.pipeline.explanation import (
    AlertExplanation,
    FaultExplanation,
    RankExplanation,
    SignalExplanation,
    WindowExplanation,
)
from runvitals.pipeline.pipeline import Pipeline
from runvitals.pipeline.rank import Rank
from runvitals.pipeline.watching import make_detectors, watching_faults
from runvitals.series import Admission, Series, SeriesSettings
from runvitals.stats.boundary import boundary
from runvitals.values import Sample, State, Verdict

_Kind = TypeVar("_Kind", bound=AnyDetector)

UNSCORED = frozenset({Admission.LATE, Admission.REPEATED})
"""What was neither scored nor shown to any detector."""


class Before(NamedTuple):
    """Copies of a series and its rank's detectors, from before a sample."""

    sample: Sample
    series: Series
    detectors: dict[str, AnyDetector]
    settings: SeriesSettings

    def admitted(self, value: float) -> tuple[Sample, Series, Admission]:
        """Return the sample with another value, the series after it, and what became of it."""
        sample, series = self.sample._replace(value=value), deepcopy(self.series)
        return sample, series, series.admit(sample, self.settings)

    @property
    def admission(self) -> Admission:
        """What became of the sample."""
        return self.admitted(self.sample.value)[2]

    def verdict(self, fault: str, value: float) -> Verdict | None:
        """Return the verdict that a value would get."""
        return deepcopy(self.detectors[fault]).observe(*self.admitted(value))


class Taken(NamedTuple):
    """A sample that a pipeline has taken in: what it met, and how the faults that watch it stood after it."""

    before: Before
    trackers: dict[str, Hysteresis]
    open: frozenset[str]


def take_in(
    pipeline: Pipeline, sample: Sample, source: str, settings: SeriesSettings, table: FaultTable
) -> Taken | None:
    """Let the pipeline observe a sample, and return what is needed to explain it; None where it was not admitted."""
    known = _before(pipeline, sample, settings)
    earlier = pipeline.rank_of(sample), pipeline.series_of(sample)
    pipeline.observe([sample], source)
    rank, series = pipeline.rank_of(sample), pipeline.series_of(sample)
    if rank is None or series is None:
        return None
    if rank is not earlier[0]:  # the first sample of a rank, or the first after it had been over
        known = known._replace(detectors=_chosen(make_detectors(table), sample))
    if series is not earlier[1]:
        known = known._replace(series=Series.create(sample, settings))
    place = f"{sample.signal}/{sample.layer}" if sample.layer else sample.signal
    trackers = {name: deepcopy(trackers.get(place)) for name, trackers in rank.diagnosis.trackers.items()}
    return Taken(
        known, {name: one for name, one in trackers.items() if one is not None}, frozenset(rank.diagnosis.open)
    )


def _before(pipeline: Pipeline, sample: Sample, settings: SeriesSettings) -> Before:
    series, rank = pipeline.series_of(sample), pipeline.rank_of(sample)
    return Before(
        sample,
        deepcopy(series) if series else Series.create(sample, settings),
        deepcopy(_chosen(rank.detectors, sample)) if rank else {},
        settings,
    )


def _chosen(detectors: Mapping[str, AnyDetector], sample: Sample) -> dict[str, AnyDetector]:
    """Return the detectors that watch a sample's signal."""
    return {name: detectors[name] for name in watching_faults(sample)}


def explain_signal(taken: Taken, table: FaultTable) -> SignalExplanation:
    """Return the explanation of a sample."""
    known = taken.before
    sample, series, admission = known.admitted(known.sample.value)
    is_scored = admission is Admission.SCORED
    return SignalExplanation(
        run=sample.run,
        rank=sample.rank,
        signal=sample.signal,
        layer=sample.layer,
        time=sample.time,
        step=sample.step,
        value=sample.value,
        admission=admission,
        window=_window(series, admission),
        anomaly=explain(_question(known, series)) if is_scored else None,
        alert=_alert(known, series) if is_scored else None,
        faults=() if admission in UNSCORED else tuple(_faults(taken, table)),
    )


def explain_rank(rank: Rank) -> RankExplanation:
    """Return how a rank stands now."""
    forecast = _of_kind(rank, GradientExplosion)
    likely = _of_kind(rank, GradientExplosionLikely)
    has_norms = forecast is not None and forecast.explosion is not None and forecast.forecast.previous is not None
    return RankExplanation(
        rank.run,
        rank.rank,
        explain_next_step(rank.next_step_forecast) if rank.next_step_forecast and has_norms else None,
        explain_hazard(likely.hazard) if likely and has_norms else None,
        tuple(one for one in rank.diagnosis.findings() if one.is_open),
    )


def _of_kind(rank: Rank, kind: type[_Kind]) -> _Kind | None:
    return next((one for one in rank.detectors.values() if isinstance(one, kind)), None)


def _window(series: Series, admission: Admission) -> WindowExplanation:
    baseline, window = series.baseline, series.baseline.window
    unknown = ""
    if admission is not Admission.SCORED:
        unknown = _WHY_UNSCORED[admission]
    elif len(window) < baseline.minimum:
        unknown = f"warming up: {len(window)} of {baseline.minimum} values"
    elif series.zscore is None:
        unknown = "the window has no spread: all its values are equal"
    return WindowExplanation(
        len(window),
        window.size,
        baseline.minimum,
        window.mean,
        window.stddev,
        window.median,
        window.robust_scale,
        None if unknown else series.zscore,
        None if unknown else baseline.robust_zscore,
        unknown,
    )


_WHY_UNSCORED = {
    Admission.NONFINITE: "the value is not finite: counted, and kept out of the arithmetic",
    Admission.LATE: "the value came late, after a newer step: counted, not scored",
    Admission.REPEATED: "the same value of the same step came before: nothing new",
}


def _question(known: Before, series: Series) -> Question:
    earlier = known.series.anomaly
    if series.segment != known.series.segment:  # the value itself began a new one
        earlier = deepcopy(earlier)
        earlier.start_segment()
    sample, settings = known.sample, known.settings
    return Question(earlier, sample.value, sample.time, series.baseline.window, settings.minimum, settings.anomaly)


def _alert(known: Before, series: Series) -> AlertExplanation:
    reason = alert_explanation.why(known.series.alerts, series.alert_score, known.settings.anomaly)
    return AlertExplanation(series.alert_score, reason)


def _faults(taken: Taken, table: FaultTable) -> Iterator[FaultExplanation]:
    for name in taken.before.detectors:
        yield _fault(taken, table.faults[name], enabled=name not in table.disabled)


def _fault(taken: Taken, fault: Fault, *, enabled: bool) -> FaultExplanation:
    known, tracker = taken.before, taken.trackers.get(fault.name)
    verdict = known.verdict(fault.name, known.sample.value)
    below, above = _turning_points(known, fault.name, verdict)
    return FaultExplanation(
        fault=fault.name,
        category=fault.category,
        severity=fault.severity,
        enabled=enabled,
        is_open=fault.name in taken.open,
        verdict=verdict.state if verdict else None,
        firing=tracker.recent.bit_count() if tracker else 0,
        open_count=tracker.open_count if tracker else fault.open_count,
        open_window=tracker.open_window if tracker else fault.open_window,
        score=verdict.score if verdict else None,
        sentence=verdict.evidence.sentence if verdict and verdict.evidence else "",
        conditions=_conditions(known, fault.name),
        turns_above=above,
        turns_below=below,
    )


def _conditions(known: Before, name: str) -> tuple[Condition, ...]:
    detector = deepcopy(known.detectors[name])
    if not isinstance(detector, Explained):
        return ()
    return detector.conditions(*known.admitted(known.sample.value))


def _turning_points(known: Before, name: str, verdict: Verdict | None) -> tuple[float | None, float | None]:
    """Return the nearest values below and above at which the verdict turns from firing to not, or the other way."""
    value = known.sample.value
    if verdict is None or verdict.state is State.UNKNOWN or not isfinite(value):
        return None, None
    is_firing = verdict.state is State.FIRING

    def turns(other: float) -> bool:
        answer = known.verdict(name, other)
        return answer is not None and (answer.state is State.FIRING) is not is_firing

    scale = abs(value) or known.series.baseline.window.stddev or 1.0
    return boundary(turns, value, scale, -1), boundary(turns, value, scale, 1)

"""`replay --report`: what the pipeline knows of each value, handed to the report."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.cli.scores import is_newest
from runvitals.exposition.report.reading import Reading
from runvitals.exposition.report.recorder import Recorder
from runvitals.pipeline.pipeline import Pipeline
from runvitals.pipeline.rank import Rank
from runvitals.pipeline.watching import WATCHED
from runvitals.series import Series
from runvitals.values import Event, Sample

MAX_PANELS = 24


class Watcher:
    """Keeps what the report of one recording needs."""

    def __init__(self, max_panels: int) -> None:
        self.recorder = Recorder(max_panels, frozenset(WATCHED))

    def watch(self, pipeline: Pipeline, item: Sample | Event) -> None:
        """Take an item that the pipeline has just taken in."""
        if not isinstance(item, Sample):
            self.recorder.note(item)
            return
        series, rank = pipeline.series_of(item), pipeline.rank_of(item)
        if series is not None and rank is not None:  # else over a limit, and counted there
            self.recorder.observe(item, _reading(item, series, rank))


def _reading(sample: Sample, series: Series, rank: Rank) -> Reading:
    if not is_newest(series, sample):
        return Reading(sample.value)
    has_forecast = sample.signal == signals.GRAD_NORM.name and not sample.layer
    return Reading(
        sample.value,
        series.baseline.expected_range,
        series.anomaly.score,
        series.alert_score,
        rank.explosion_probability if has_forecast else None,
        rank.explosion_hazard if has_forecast else None,
    )

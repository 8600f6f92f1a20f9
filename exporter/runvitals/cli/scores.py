"""The table of `replay --scores`."""

from __future__ import annotations

import csv
from typing import TextIO

from runvitals.pipeline.pipeline import Pipeline
from runvitals.series import Series
from runvitals.values import Event, Sample

SCORE_COLUMNS = [
    "time",
    "step",
    "run",
    "rank",
    "signal",
    "layer",
    "value",
    "zscore",
    "robust_zscore",
    "anomaly_score",
    "alert_score",
    "explosion_probability",
    "faults",
]


class Scores:
    """A row for each observation. What is unknown is an empty cell."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(SCORE_COLUMNS)

    def write(self, pipeline: Pipeline, item: Sample | Event) -> None:
        """Write the row of a sample that the pipeline has just taken in; an event has none."""
        if isinstance(item, Sample):
            self._write_sample(pipeline, item)

    def _write_sample(self, pipeline: Pipeline, sample: Sample) -> None:
        series, rank = pipeline.series_of(sample), pipeline.rank_of(sample)
        if series is None or rank is None:
            return  # over a limit on series, and counted there
        scored = is_newest(series, sample)
        self._rows.writerow(
            (
                sample.time,
                sample.step,
                sample.run,
                sample.rank,
                sample.signal,
                sample.layer,
                sample.value,
                series.zscore if scored else None,
                series.baseline.robust_zscore if scored else None,
                series.anomaly.score if scored else None,
                series.alert_score if scored else None,
                rank.explosion_probability,
                " ".join(sorted(rank.diagnosis.open)),
            )
        )


def is_newest(series: Series, sample: Sample) -> bool:
    """Return whether the scores of the series are those of the sample.

    A late sample was not scored; one that is there twice has the score of the first.
    """
    return (series.step, series.value) == (sample.step, sample.value)

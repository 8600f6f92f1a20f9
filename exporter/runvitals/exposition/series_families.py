"""The series of a snapshot as metric families: nearly all of a page, so they come without a row for each sample."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from runvitals.catalogue import metrics
from runvitals.exposition.families import Family, LabelValues, clean
from runvitals.exposition.log_once import LogOnce
from runvitals.values import SeriesView

_METRICS = {
    "value": metrics.SIGNAL_VALUE,
    "mean": metrics.SIGNAL_MEAN,
    "stddev": metrics.SIGNAL_STDDEV,
    "window_samples": metrics.SIGNAL_WINDOW_SAMPLES,
    "zscore": metrics.SIGNAL_ZSCORE,
    "robust_zscore": metrics.SIGNAL_ROBUST_ZSCORE,
    "zscore_peak": metrics.SIGNAL_ZSCORE_PEAK,
    "anomaly_score": metrics.SIGNAL_ANOMALY_SCORE,
    "anomaly_score_peak": metrics.SIGNAL_ANOMALY_SCORE_PEAK,
    "samples": metrics.SIGNAL_SAMPLES,
    "nonfinite": metrics.SIGNAL_NONFINITE,
    "late": metrics.SIGNAL_LATE,
    "time": metrics.SIGNAL_LAST_SAMPLE_TIMESTAMP,
}
"""By the field of the view that is shown under it."""
_labels = attrgetter("run", "rank", "signal", "layer")
_values = attrgetter(*_METRICS)


def series_families(views: Iterable[SeriesView], failures: LogOnce) -> list[Family]:
    """Return what the series show; a view that cannot be read is left out and logged once."""
    families = [Family(metric, {}) for metric in _METRICS.values()]
    columns = [family.samples for family in families]
    for view in views:
        try:
            labels, values = _read(view)
        except Exception as error:  # noqa: BLE001 - one bad view never blanks the page
            failures.failure("a series on the page", error)
            continue
        for samples, value in zip(columns, values, strict=True):
            if value is not None:
                samples.setdefault(labels, value)
    return families


def _read(view: SeriesView) -> tuple[LabelValues, list[float | None]]:
    """Return labels and values; raises where one is no text or no number."""
    return clean(_labels(view)), [None if value is None else float(value) for value in _values(view)]

"""The features of every step of every run, by the detector's own code, with what followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hazard.archive import Run
from hazard.labels import Label, label
from runvitals.detectors.explosion_hazard import WARM_UP
from runvitals.detectors.hazard_features import NAMES, HazardFeatures


class ScoredRun(NamedTuple):
    """The steps of a run that have an answer: `steps` (n,), `features` (n, NAMES), `followed` (n,) by an explosion."""

    run: Run
    label: Label
    steps: NDArray[np.int64]
    features: NDArray[np.float64]
    followed: NDArray[np.bool_]


def score(run: Run) -> ScoredRun:
    """Show a run's log to the features as the sidecar would."""
    found = label(run.log)
    answered = list(_answered(run, found.end))
    steps = np.array([step for step, _ in answered], np.int64)
    table = np.array([values for _, values in answered], np.float64).reshape(len(answered), len(NAMES))
    return ScoredRun(run, found, steps, table, found.followed()[steps])


def _answered(run: Run, end: int) -> Iterator[tuple[int, tuple[float, ...]]]:
    features = HazardFeatures()
    for step, (_, norm, rate, _) in enumerate(run.log[:end].tolist()):
        features.observe_rate(rate)
        if features.observe_norm(norm) and features.norms.count >= WARM_UP:
            yield step, features.values()

"""The features of every step of every run, through the detector's own code, with what followed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hazard.archive import Run
from hazard.labels import Label, label
from runvitals.detectors.explosion_hazard import WARM_UP
from runvitals.detectors.hazard_features import LOSS_FEATURES, NORM_FEATURES, HazardFeatures

FEATURES = (*NORM_FEATURES, *LOSS_FEATURES)


class ScoredRun(NamedTuple):
    """The steps of a run that have an answer: `steps` (n,), `features` (n, FEATURES), `followed` (n,) by an explosion."""

    run: Run
    label: Label
    steps: NDArray[np.int64]
    features: NDArray[np.float64]
    followed: NDArray[np.bool_]


def score(run: Run) -> ScoredRun:
    """Show a run's log to the features, a signal at a time as the sidecar sees it."""
    found = label(run.log)
    features = HazardFeatures()
    steps, rows = [], []
    for step, (loss, norm, rate, scale) in enumerate(run.log[: found.end].tolist()):
        if scale == scale:
            features.observe_scale(scale)
        features.observe_rate(rate)
        features.observe_loss(loss)
        if features.observe_norm(norm) and features.norms.count >= WARM_UP:
            steps.append(step)
            rows.append((*features.norm_features(), *features.loss_features()))
    table = np.array(rows, np.float64).reshape(len(rows), len(FEATURES))
    chosen = np.array(steps, np.int64)
    return ScoredRun(run, found, chosen, table, found.followed()[chosen])

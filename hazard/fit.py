"""From runs to the coefficients that the detector ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hazard.archive import Run, fingerprint
from hazard.isotonic_regression import calibration_curve
from hazard.logistic_regression import fit_logistic
from hazard.scored_steps import ScoredRun, score
from runvitals.detectors import hazard_features
from runvitals.detectors.calibrated_logistic import CalibratedLogistic

COEFFICIENTS = Path(hazard_features.__file__).with_name("hazard_coefficients.py")

TEMPLATE = '''"""Written by `python -m hazard fit FOLDER`, on the runs of `python -m hazard generate FOLDER`.

Fitted on {fit_runs} runs ({fit_steps} steps), calibrated on {calibrate_runs} others ({calibrate_steps} steps),
of {runs} runs with the fingerprint {fingerprint}.
The mix's prior: {prior:.2%} of these steps are followed by an explosion within 50 steps.
"""

from __future__ import annotations

from runvitals.detectors.calibrated_logistic import CalibratedLogistic

HAZARD = CalibratedLogistic(
    intercept={intercept},
    weights=(
{weights}
    ),
    logits=(
{logits}
    ),
    probabilities=(
{probabilities}
    ),
)
'''


def coefficients(runs: list[Run]) -> str:
    """Return the text of `hazard_coefficients.py`: the fit on one split of the runs, calibrated on another."""
    fitted = [score(run) for run in runs if run.split == "fit"]
    calibrated = [score(run) for run in runs if run.split == "calibrate"]
    hazard = fit_hazard(fitted, calibrated)
    followed = np.concatenate([one.followed for one in (*fitted, *calibrated)])
    named = zip(hazard.weights, hazard_features.NAMES, strict=True)
    return TEMPLATE.format(
        fit_runs=len(fitted),
        fit_steps=sum(len(one.steps) for one in fitted),
        calibrate_runs=len(calibrated),
        calibrate_steps=sum(len(one.steps) for one in calibrated),
        runs=len(runs),
        fingerprint=fingerprint(runs),
        prior=followed.mean(),
        intercept=hazard.intercept,
        weights="\n".join(f"        {weight},  # {name}" for weight, name in named),
        logits=_lines(hazard.logits),
        probabilities=_lines(hazard.probabilities),
    )


def fit_hazard(fitted: list[ScoredRun], calibrated: list[ScoredRun]) -> CalibratedLogistic:
    """Fit weights on the first runs and the calibration curve on the others."""
    intercept, weights = fit_logistic(_features(fitted), _followed(fitted))
    logits = intercept + _features(calibrated) @ weights
    curve = calibration_curve(logits, _followed(calibrated))
    return CalibratedLogistic(round(intercept, 4), tuple(round(float(weight), 4) for weight in weights), *curve)


def _features(runs: list[ScoredRun]) -> np.ndarray:
    return np.concatenate([one.features for one in runs])


def _followed(runs: list[ScoredRun]) -> np.ndarray:
    return np.concatenate([one.followed for one in runs])


def _lines(numbers: tuple[float, ...]) -> str:
    return "\n".join(f"        {number}," for number in numbers)

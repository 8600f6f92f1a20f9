"""What the two explosion probabilities are made of."""

from __future__ import annotations

import msgspec

from runvitals.detectors.explosion_hazard import WARM_UP, ExplosionHazard
from runvitals.detectors.explosion_probability import MINIMUM, ExplosionProbability
from runvitals.detectors.hazard_coefficients import HAZARD
from runvitals.detectors.hazard_features import NAMES


class NextStepExplanation(msgspec.Struct, frozen=True):
    """Horizon 1: the newest relative change, mean and deviation of those in the window, and the limit C."""

    probability: float | None
    newest_change: float | None
    mean: float | None
    stddev: float | None
    changes: int
    limit: float
    unknown: str = ""


class FeatureExplanation(msgspec.Struct, frozen=True):
    """One number the hazard rests on, and what it adds to the logit."""

    feature: str
    value: float
    contribution: float


class HazardExplanation(msgspec.Struct, frozen=True):
    """Horizon 50: intercept and contributions make the logit, a calibration curve leads to the probability."""

    probability: float | None
    intercept: float
    logit: float | None
    features: tuple[FeatureExplanation, ...]
    unknown: str = ""


def explain_next_step(forecast: ExplosionProbability) -> NextStepExplanation:
    """Return what the probability at horizon 1 is made of."""
    changes = forecast.changes
    unknown = ""
    if len(changes) < MINIMUM:
        unknown = f"warming up: {len(changes)} of {MINIMUM} relative changes"
    elif forecast.probability is None:
        unknown = "the relative changes do not vary"
    return NextStepExplanation(
        forecast.probability,
        forecast.newest,
        changes.mean,
        changes.stddev,
        len(changes),
        forecast.change,
        unknown,
    )


def explain_hazard(hazard: ExplosionHazard) -> HazardExplanation:
    """Return what the probability at horizon 50 is made of."""
    count = hazard.features.norms.count
    if hazard.probability is None:
        unknown = "the newest gradient norm is 0 or not finite"
        if count < WARM_UP:
            unknown = f"warming up: {count} of {WARM_UP} gradient norms"
        return HazardExplanation(None, HAZARD.intercept, None, (), unknown)
    values = hazard.features.values()
    added = HAZARD.contributions(values)
    return HazardExplanation(
        hazard.probability,
        HAZARD.intercept,
        HAZARD.intercept + sum(added),
        tuple(map(FeatureExplanation, NAMES, values, added)),
    )

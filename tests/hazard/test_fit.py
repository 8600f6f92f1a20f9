"""The fit recovers what is there, and its output is what the detector reads."""

import math

import numpy as np
import pytest

from hazard import archive
from hazard.fit import coefficients
from hazard.isotonic_regression import calibration_curve
from hazard.logistic_regression import fit_logistic
from hazard.reliability import brier_skill, expected_calibration_error, reliability
from hazard.reliability_diagram import reliability_diagram
from runvitals.detectors.calibrated_logistic import CalibratedLogistic
from runvitals.detectors.hazard_coefficients import HAZARD
from runvitals.detectors.hazard_features import NAMES


def drawn(count=40_000, seed=0):
    """Features of very different units, and outcomes drawn from a known logistic."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3)) * (1.0, 100.0, 0.01)
    logits = -2.0 + features @ (1.5, -0.01, 50.0)
    return features, logits, rng.random(count) < 1.0 / (1.0 + np.exp(-logits))


def test_the_logistic_regression_recovers_its_weights():
    """Intercept and weights come back in the features' own units."""
    features, _, outcomes = drawn()
    intercept, weights = fit_logistic(features, outcomes)
    assert intercept == pytest.approx(-2.0, abs=0.1)
    assert weights == pytest.approx([1.5, -0.01, 50.0], rel=0.08)


def test_the_curve_repairs_logits_that_are_too_sure():
    """After calibration on one half, probabilities of the other come true, whatever was done to the logits."""
    _, logits, outcomes = drawn()
    curve = CalibratedLogistic(0.0, (1.0,), *calibration_curve(3.0 * logits[:20_000] + 5.0, outcomes[:20_000]))
    told = np.array([curve.calibrated(3.0 * logit + 5.0) for logit in logits[20_000:]])
    assert expected_calibration_error(reliability(told, outcomes[20_000:])) < 0.02
    assert brier_skill(told, outcomes[20_000:]) > 0.25


def test_a_curve_rises():
    """Both lists ascend strictly and no probability is 0 or 1."""
    _, logits, outcomes = drawn()
    for xs in calibration_curve(logits, outcomes), (HAZARD.logits, HAZARD.probabilities):
        assert all((np.diff(one) > 0).all() for one in xs)
        assert 0.0 < xs[1][0] < xs[1][-1] < 1.0


def test_always_the_base_rate_has_no_skill_and_no_error():
    """The stupid forecast is calibrated and useless; the report's figures say both."""
    outcomes = np.arange(10_000) % 10 == 0
    told = np.full(10_000, 0.1)
    assert expected_calibration_error(reliability(told, outcomes)) == pytest.approx(0.0, abs=1e-12)
    assert brier_skill(told, outcomes) == pytest.approx(0.0, abs=1e-12)


def test_the_shipped_coefficients_fit_the_features():
    """One weight for each feature."""
    assert len(HAZARD.weights) == len(NAMES)
    assert all(math.isfinite(weight) for weight in HAZARD.weights)


def test_a_refit_writes_a_module_and_repeats_itself(tmp_path):
    """Runs come from their seeds alone, and the text of the fit is Python that the detector can read."""
    texts = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        list(archive.generate(folder, range(14), with_torch=False))
        texts.append(coefficients(archive.load(folder)))
    assert texts[0] == texts[1]
    names = {}
    exec(texts[0], names)
    assert len(names["HAZARD"].weights) == len(NAMES)


def test_the_picture_shows_every_bin():
    """A dot for each bin, in well-formed SVG."""
    from xml.etree import ElementTree

    _, logits, outcomes = drawn()
    bins = reliability(1.0 / (1.0 + np.exp(-logits)), outcomes)
    picture = ElementTree.fromstring(reliability_diagram(bins, "a caption"))
    assert len(picture.findall("{*}circle")) == len(bins) > 5

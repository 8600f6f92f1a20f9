"""What `python -m hazard generate FOLDER` and `python -m hazard fit FOLDER` found; not to be edited by hand.

Fitted on 760 runs (650693 steps) and calibrated on 380 others (333467 steps) of the 1900
runs with the fingerprint 3950f60d7083e66a. The mix's prior: 2.70% of these steps are followed by an explosion
within 50 steps.
"""

from __future__ import annotations

from runvitals.detectors.calibrated_logistic import CalibratedLogistic

HAZARD = CalibratedLogistic(
    intercept=-2.7011,
    weights=(
        1.6581,  # level
        2.7522,  # high_level
        -5.1872,  # trend
        3.4374,  # level_in_deviations
        -3.434,  # shift_in_deviations
        2.9657,  # noise
        -3.3923,  # large_changes
        0.5412,  # rate_raised
        2.1111,  # rate_rising
    ),
    logits=(
        -6.4936,
        -5.4666,
        -4.9841,
        -4.6649,
        -4.3215,
        -3.9588,
        -3.6606,
        -3.3281,
        -2.9003,
        -2.5357,
        -2.1813,
        -1.8913,
        -1.6355,
        -1.3197,
        -0.9655,
        -0.5949,
        -0.1608,
        0.3194,
        0.7985,
        1.4365,
        2.1537,
        3.0769,
        3.9948,
        5.3522,
        9.8729,
    ),
    probabilities=(
        0.00259,
        0.00338,
        0.00627,
        0.00731,
        0.00758,
        0.01493,
        0.02781,
        0.03272,
        0.05779,
        0.0823,
        0.09397,
        0.14062,
        0.17431,
        0.24584,
        0.34196,
        0.41833,
        0.4718,
        0.51434,
        0.6791,
        0.76617,
        0.81095,
        0.90547,
        0.95274,
        0.97761,
        0.99083,
    ),
)

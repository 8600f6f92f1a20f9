"""Written by `python -m hazard fit FOLDER`, on the runs of `python -m hazard generate FOLDER`.

Fitted on 760 runs (650693 steps), calibrated on 380 others (333467 steps),
of 1140 runs with the fingerprint 4c7f8efb01379ab1.
The mix's prior: 2.70% of these steps are followed by an explosion within 50 steps.
"""

from __future__ import annotations

from runvitals.detectors.calibrated_logistic import CalibratedLogistic

HAZARD = CalibratedLogistic(
    intercept=-2.5208,
    weights=(
        0.9758,  # level
        1.7729,  # high_level
        0.147,  # level_in_deviations
        3.1942,  # noise
        -3.4915,  # large_changes
        0.7034,  # rate_raised
        1.5964,  # rate_rising
    ),
    logits=(
        -6.2809,
        -5.275,
        -4.6956,
        -4.1804,
        -3.8359,
        -3.5787,
        -3.2249,
        -2.7739,
        -2.4213,
        -2.121,
        -1.8381,
        -1.5541,
        -1.2418,
        -0.9312,
        -0.5209,
        -0.1116,
        0.3618,
        0.8557,
        1.3862,
        2.0963,
        3.4442,
        5.4639,
        6.9925,
        10.0087,
    ),
    probabilities=(
        0.00205,
        0.0039,
        0.008,
        0.00837,
        0.02042,
        0.02931,
        0.04317,
        0.04632,
        0.0891,
        0.10506,
        0.13509,
        0.18538,
        0.32138,
        0.3724,
        0.42185,
        0.46055,
        0.52075,
        0.64428,
        0.73881,
        0.81095,
        0.90648,
        0.9204,
        0.98507,
        0.99168,
    ),
)

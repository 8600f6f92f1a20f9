"""Written by `python -m hazard fit FOLDER`, on the runs of `python -m hazard generate FOLDER`.

Fitted on 920 runs (799415 steps), calibrated on 460 others (408850 steps),
of 2300 runs with the fingerprint b04510f2d1f783e9.
The mix's prior: 2.62% of these steps are followed by an explosion within 50 steps.
"""

from __future__ import annotations

from runvitals.detectors.calibrated_logistic import CalibratedLogistic

HAZARD = CalibratedLogistic(
    intercept=-2.6581,
    weights=(
        1.2119,  # level
        1.6664,  # high_level
        3.0292,  # noise
        -3.4466,  # large_changes
        0.7256,  # rate_raised
        1.6545,  # rate_rising
    ),
    logits=(
        -6.4236,
        -5.5581,
        -5.1997,
        -4.9326,
        -4.6817,
        -4.425,
        -4.1734,
        -3.932,
        -3.7055,
        -3.3831,
        -2.972,
        -2.6466,
        -2.3486,
        -2.1063,
        -1.8787,
        -1.6231,
        -1.3558,
        -1.1168,
        -0.8422,
        -0.5089,
        -0.1702,
        0.1638,
        0.5139,
        0.8797,
        1.5394,
        2.3872,
        3.0827,
        4.0643,
        5.4014,
        6.7004,
        8.312,
        10.5896,
    ),
    probabilities=(
        0.00211,
        0.00394,
        0.00571,
        0.00672,
        0.00744,
        0.00888,
        0.01292,
        0.01775,
        0.02871,
        0.03636,
        0.04647,
        0.06101,
        0.1056,
        0.12444,
        0.14791,
        0.16535,
        0.29495,
        0.35908,
        0.40681,
        0.45063,
        0.4614,
        0.60482,
        0.60922,
        0.70398,
        0.7818,
        0.86318,
        0.89055,
        0.89303,
        0.91045,
        0.9801,
        0.99254,
        0.99294,
    ),
)

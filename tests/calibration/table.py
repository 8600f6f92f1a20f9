"""How often the anomaly score exceeds s on healthy streams, beside the 10^-s that it claims.

Run from the repository root: `python -m tests.calibration.table [SAMPLES] [STREAM...]`; 10^6 samples a stream by
default, which takes about ten minutes. A share of 1.00 is perfect; the warm-up, where the score is unknown, is left
out; learning is not.
"""

from __future__ import annotations

import sys

import numpy as np

from runvitals.anomaly.score import AnomalyScore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.stats.baseline import Baseline
from tests.calibration.streams import STREAMS

LEVELS = (2, 3, 4)
SEED = 1


def shares(name: str, samples: int) -> dict[int, float]:
    """Return for each level s the share of scores above s over 10^-s, on one stream from its first value on."""
    baseline, anomaly, settings = Baseline.of_size(256, 64), AnomalyScore(), AnomalySettings()
    known, above = 0, dict.fromkeys(LEVELS, 0)
    for time, value in enumerate(STREAMS[name](np.random.default_rng(SEED), samples).tolist()):
        baseline.observe(value)
        anomaly.observe(value, float(time), baseline.window, baseline.minimum, settings)
        score = anomaly.score
        if score is not None:
            known += 1
            for level in LEVELS:
                above[level] += score > level
    return {level: count / known * 10**level for level, count in above.items()}


def main(samples: int, names: list[str]) -> None:
    """Print the table."""
    print(f"{samples} samples a stream; share of scores above s, over 10^-s")
    print(f"{'stream':<18}" + "".join(f"{f's = {level}':>9}" for level in LEVELS))
    for name in names:
        found = shares(name, samples)
        print(f"{name:<18}" + "".join(f"{found[level]:>9.2f}" for level in LEVELS), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2:] or list(STREAMS))

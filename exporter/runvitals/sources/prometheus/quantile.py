"""The quantile of a histogram's buckets."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf


def histogram_quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """Return the q-quantile of cumulative counts by upper bound; None where there is none.

    Linear interpolation in the bucket that holds it, the lowest beginning at 0 unless its bound is negative; in the
    bucket without bound it is the highest bound there is. Counts that fall from one bucket to the next (servers with
    several processes) are raised to the one before. As `histogram_quantile` of PromQL does it.

    >>> histogram_quantile(0.5, {0.1: 0.0, 0.2: 10.0, inf: 10.0})
    0.15000000000000002
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != inf:
        return None
    counts, highest = [], 0.0
    for bound in bounds:
        highest = max(highest, buckets[bound])
        counts.append(highest)
    if not highest > 0.0:
        return None
    rank = q * highest
    index = next(index for index, count in enumerate(counts) if count >= rank)
    if index == len(bounds) - 1:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0.0:
        return bounds[0]
    start, below = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0.0)
    inside = counts[index] - below
    return start + (bounds[index] - start) * ((rank - below) / inside if inside else 0.0)

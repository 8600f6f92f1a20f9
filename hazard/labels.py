"""What counts as an explosion, and which steps are followed by one.

An explosion begins at the first step whose gradient norm or loss is not finite, or whose norm is above 10 times the
running median (of the up to 256 finite norms before, at least 64), and does not come back: of the 10 steps from there
on, and of the 50 (as many as the run still logs), more than half are above that same 10 times the median, what is not
finite included. So a spike that heals, or the overflow by which a loss scaler finds its scale, is none. A norm that
rises above 10 times the running median and comes back is a near miss: no explosion, but no health either.

A step is followed by an explosion (label 1) if one begins within the next 50 steps, or is on. A run is looked at until
it is no longer finite for good, and at most 200 steps past the beginning of its explosion: nobody would have let it go
on. The last 50 steps of a run that does not explode are left out: what follows them is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runvitals.detectors.explosion_hazard import HORIZON, WARM_UP
from runvitals.stats.rolling_window import RollingWindow

JUMP = 10.0
MEDIAN_WINDOW = 256
FOLLOWED = 200
AT_ONCE = 10


class Label(NamedTuple):
    """What became of a run.

    `begins`: the first step of its explosion, None without one; `breaks`: the first step from which on nothing is
    finite, None where the run stays finite; `crossings`: steps whose norm is finite and above 10 times the running
    median; `end`: steps before this one are looked at.
    """

    begins: int | None
    breaks: int | None
    crossings: NDArray[np.int64]
    end: int

    def followed(self) -> NDArray[np.bool_]:
        """Return for each step before `end` whether an explosion follows within the horizon."""
        steps = np.arange(self.end)
        return steps >= (self.end if self.begins is None else self.begins - HORIZON)

    def healthy(self) -> NDArray[np.bool_]:
        """Return for each step before `end` whether neither explosion nor near miss lies within a horizon of it."""
        near = np.zeros(self.end, np.bool_)
        for step in self.crossings:
            near[max(0, step - HORIZON) : step + HORIZON + 1] = True
        return ~near & ~self.followed()


def label(log: NDArray[np.float64]) -> Label:
    """Find the explosion in a run's log (steps, at least loss and gradient norm)."""
    norms = np.where(np.isfinite(log[:, 0]) & np.isfinite(log[:, 1]), log[:, 1], np.inf)
    bounds = JUMP * running_median(norms)
    crossings = np.flatnonzero((norms > bounds) & np.isfinite(norms))
    candidates = np.flatnonzero((norms > bounds) | np.isinf(norms))
    begins = next((int(step) for step in candidates if _stays(norms[step:], bounds[step])), None)
    if begins is None:
        return Label(None, None, crossings, max(0, len(norms) - HORIZON))
    breaks = _breaks(norms)
    last = min(begins + FOLLOWED, len(norms))
    return Label(begins, breaks, crossings, last if breaks is None else min(last, max(breaks, begins)))


def running_median(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of the finite norms before each step; infinite in the warm-up."""
    window = RollingWindow(MEDIAN_WINDOW)
    medians = np.full(len(norms), np.inf)
    for step, norm in enumerate(norms):
        if len(window) >= WARM_UP:
            medians[step] = window.median
        if np.isfinite(norm):
            window.push(float(norm))
    return medians


def _stays(norms: NDArray[np.float64], bound: float) -> bool:
    above = (norms[:HORIZON] > bound) | np.isinf(norms[:HORIZON])
    return bool(above[:AT_ONCE].mean() > 0.5 and above.mean() > 0.5)


def _breaks(norms: NDArray[np.float64]) -> int | None:
    finite = np.flatnonzero(np.isfinite(norms))
    step = int(finite[-1]) + 1 if len(finite) else 0
    return step if step < len(norms) else None

"""What the detector would have said at each step of a run, beside what came."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hazard.archive import Run
from hazard.labels import Label, label
from runvitals.detectors.explosion_hazard import HORIZON, WARM_UP, ExplosionHazard

LEAD = 20
SURE = 0.5


class Forecast(NamedTuple):
    """A run's steps that were given a probability: `steps`, `probabilities`, `followed`, `healthy`, all (n,)."""

    seed: int
    label: Label
    steps: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    followed: NDArray[np.bool_]
    healthy: NDArray[np.bool_]

    @property
    def warned(self) -> NDArray[np.int64]:
        """Steps at which an explosion was said to be more likely than not."""
        return self.steps[self.probabilities > SURE]

    @property
    def breaks_slowly(self) -> bool:
        """Whether it takes at least 20 steps from the first lasting crossing of 10 times the median to non-finite."""
        return self.crossing_to_break is not None and self.crossing_to_break >= LEAD

    @property
    def crossing_to_break(self) -> int | None:
        """Steps from the first lasting crossing to non-finite, in runs that had warmed up and broke."""
        begins, breaks = self.label.begins, self.label.breaks
        return None if begins is None or breaks is None or begins <= WARM_UP else max(breaks - begins, 0)

    @property
    def lead(self) -> int | None:
        """Steps from the first warning of this explosion (a horizon before it, at most) to non-finite; None without."""
        begins, breaks = self.label.begins, self.label.breaks
        if begins is None or breaks is None:
            return None
        due = self.warned[self.warned >= begins - HORIZON]
        return breaks - int(due[0]) if len(due) else None

    def false_warnings(self) -> list[int]:
        """Return the steps at which a warning began that no explosion followed; one within 50 steps is the same."""
        warned = self.warned
        begun = warned[np.diff(warned, prepend=-HORIZON - 1) > HORIZON]
        return [int(step) for step in begun if not self.label.followed()[step]]


def forecast(run: Run) -> Forecast:
    """Show a run's log to the hazard as the sidecar would."""
    found = label(run.log)
    hazard = ExplosionHazard()
    answers: list[tuple[int, float]] = []
    for step, (_, norm, rate, _) in enumerate(run.log[: found.end].tolist()):
        hazard.features.observe_rate(rate)
        probability = hazard.observe_norm(norm)
        if probability is not None:
            answers.append((step, probability))
    steps = np.array([step for step, _ in answers], np.int64)
    probabilities = np.array([probability for _, probability in answers], np.float64)
    return Forecast(run.seed, found, steps, probabilities, found.followed()[steps], found.healthy()[steps])

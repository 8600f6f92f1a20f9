"""What a scenario is, and what its recording holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from runvitals.values import Event, Sample

START = 1_700_000_000.0
"""When every run starts; the clock of a recording is simulated, so that it is the same on every machine."""


class Recording(msgspec.Struct):
    """One run as the sources would bring it.

    `items` in the order in which they happened; `step_times` when each step (of a server: each poll) was over;
    `planted` the time of the first step that the fault can show in (None: healthy); `until` when the watch ends.
    """

    items: list[Sample | Event]
    step_times: list[float]
    planted: float | None
    until: float


class Scenario(NamedTuple):
    """A run to be generated, and what must be found in it.

    `fault` must open within `within` steps after it was planted, and its category be `category`; `also` names the
    faults that would be equally right, with the reason beside the entry. A healthy scenario has no fault. `record`
    makes the run of a seed: even seeds are for choosing thresholds, odd ones for the card.
    """

    name: str
    record: Callable[[int], Recording]
    fault: str = ""
    category: str = ""
    within: int = 0
    also: tuple[str, ...] = ()
    needs_torch: bool = False

    @property
    def is_healthy(self) -> bool:
        """True where nothing was planted."""
        return not self.fault

    @property
    def accepted(self) -> frozenset[str]:
        """The faults that are right."""
        return frozenset((self.fault, *self.also))

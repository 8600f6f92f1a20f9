"""All scenarios by name, and which seeds may be looked at for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tests.scenarios import faulty_course, faulty_machine, faulty_network, faulty_values, healthy, servers
from tests.scenarios.scenario import Scenario

Half = Literal["choosing", "card"]

ALL: tuple[Scenario, ...] = (
    *faulty_values.ALL,
    *faulty_course.ALL,
    *faulty_network.ALL,
    *faulty_machine.ALL,
    *healthy.ALL,
    *servers.ALL,
)
BY_NAME: Mapping[str, Scenario] = {scenario.name: scenario for scenario in ALL}


def seeds_of(half: Half, count: int) -> range:
    """Return the first `count` seeds of a half: even ones to choose thresholds on, odd ones for the card."""
    first = 0 if half == "choosing" else 1
    return range(first, first + 2 * count, 2)

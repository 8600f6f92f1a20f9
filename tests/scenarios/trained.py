"""Makes the recordings of training scenarios: a plan, a seed, and what is planted."""

from __future__ import annotations

import zlib
from functools import partial

import numpy as np

from tests.scenarios.plan import Plan
from tests.scenarios.plants import Act
from tests.scenarios.scenario import Recording, Scenario
from tests.scenarios.training import Plant, Training

MIDDLE = (0.45, 0.65)
"""Where in a run a fault is planted if nothing else is said: after the detectors have warmed up."""
FIRST_STEP = (0.0, 0.0)
"""Wrong from the first step on."""


def generator(name: str, seed: int) -> np.random.Generator:
    """Return the random numbers of a scenario and a seed."""
    return np.random.default_rng((zlib.crc32(name.encode()), seed))


def planted(
    name: str,
    fault: str,
    category: str,
    within: int,
    plan: Plan,
    act: Act | None = None,
    also: tuple[str, ...] = (),
    between: tuple[float, float] = MIDDLE,
) -> Scenario:
    """Return a scenario: `act` is done to the plan's run between these shares of its steps (None: wrong as planned)."""
    record = partial(_faulty, name, plan, act, between)
    return Scenario(name, record, fault, category, within, also, plan.network.startswith("torch"))


def calm(name: str, plan: Plan, *turns: tuple[float, Act]) -> Scenario:
    """Return a healthy scenario; `turns` are harmless things that happen at a share of its steps."""
    name = f"healthy_{name}"
    return Scenario(name, partial(_healthy, name, plan, turns), needs_torch=plan.network.startswith("torch"))


def _faulty(name: str, plan: Plan, act: Act | None, between: tuple[float, float], seed: int) -> Recording:
    rng = generator(name, seed)
    plan = plan.drawn(rng)
    at = int(plan.steps * rng.uniform(*between)) if act and between[1] else 0
    plants = [Plant(at, act)] if act else []
    return Training(plan, rng, name).record(plants, at)


def _healthy(name: str, plan: Plan, turns: tuple[tuple[float, Act], ...], seed: int) -> Recording:
    rng = generator(name, seed)
    plan = plan.drawn(rng)
    plants = [Plant(int(plan.steps * share), act) for share, act in turns]
    return Training(plan, rng, name).record(plants)

"""Learning rates by step, as factors of the base rate: those that are safe, and those that go too far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np


class Plan(NamedTuple):
    """What a schedule depends on: the steps of the run, where something happens, over how many steps, how far."""

    steps: int
    start: int
    length: int
    factor: float


def constant(step: int, plan: Plan) -> float:  # noqa: ARG001  # every schedule is asked alike
    """Return 1."""
    return 1.0


def warmup_cosine(step: int, plan: Plan) -> float:
    """Rise linearly for `length` steps, then fall along a cosine."""
    if step < plan.length:
        return (step + 1) / plan.length
    return 0.05 + 0.475 * (1 + math.cos(math.pi * (step - plan.length) / max(1, plan.steps - plan.length)))


def warm_restarts(step: int, plan: Plan) -> float:
    """Fall along a cosine and start again every `start` steps (Loshchilov and Hutter, 2017)."""
    return 0.05 + 0.475 * (1 + math.cos(math.pi * (step % plan.start) / plan.start))


def ramp(step: int, plan: Plan) -> float:
    """From `start` on rise exponentially, by `factor` in `length` steps, and no further than twice that way."""
    progress = (step - plan.start) / plan.length
    return float(plan.factor ** min(max(progress, 0.0), 2.0))


def raised(step: int, plan: Plan) -> float:
    """Be `factor` times as high from `start` on."""
    return plan.factor if step >= plan.start else 1.0


def spike(step: int, plan: Plan) -> float:
    """Be `factor` times as high for a tenth of `length` steps, once."""
    return plan.factor if plan.start <= step < plan.start + max(1, plan.length // 10) else 1.0


def decay(step: int, plan: Plan) -> float:
    """Fall to a tenth at `start`, and to a hundredth at twice that."""
    return 0.1 ** min(step // plan.start, 2)


SCHEDULES: Mapping[str, Callable[[int, Plan], float]] = {
    "constant": constant,
    "warmup_cosine": warmup_cosine,
    "warm_restarts": warm_restarts,
    "ramp": ramp,
    "raised": raised,
    "spike": spike,
    "decay": decay,
}


def draw_plan(rng: np.random.Generator, steps: int) -> Plan:
    """Draw when something happens, and how far it goes."""
    start = int(rng.integers(80, max(100, int(0.8 * steps))))
    return Plan(steps, start, int(np.exp(rng.uniform(np.log(10), np.log(600)))), float(np.exp(rng.uniform(0.3, 4.0))))

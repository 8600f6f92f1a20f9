"""What one run is: drawn from its seed alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hazard.schedules import Plan, draw_plan
from hazard.tasks import NUMPY_TASKS, TORCH_TASKS

BASE_RATES = {"sgd": 0.1, "momentum": 0.02, "adamw": 0.01, "adamw_long": 0.01}
SCHEDULE_SHARES = {
    "constant": 0.15,
    "warmup_cosine": 0.1,
    "warm_restarts": 0.08,
    "ramp": 0.37,
    "raised": 0.13,
    "spike": 0.11,
    "decay": 0.06,
}
TASK_SHARES = {"linear": 0.3, "perceptron": 0.3, "recurrent": 0.15, "value_learning": 0.25}


class Recipe(NamedTuple):
    """Everything that decides a run.

    `clip` is the largest gradient norm let through (0: no clipping); `bad_batches` the share of batches whose inputs
    are `bad_factor` times too large; `digits` what a logger rounds to (0: all of them).
    """

    seed: int
    task: str
    precision: str
    optimizer: str
    rate: float
    schedule: str
    plan: Plan
    batch: int
    clip: float
    bad_batches: float
    bad_factor: float
    digits: int


def draw_recipe(seed: int, *, with_torch: bool) -> Recipe:
    """Draw a run's recipe.

    Rates run from far below to far above what is stable, so that the outcome is found and not set: the share of runs
    that explode is the mix's prior.
    """
    rng = np.random.default_rng(seed)
    task = str(rng.choice(TORCH_TASKS)) if with_torch else _choose(rng, TASK_SHARES)
    optimizer = str(rng.choice(list(BASE_RATES), p=[0.4, 0.25, 0.25, 0.1]))
    steps = int(np.exp(rng.uniform(np.log(400), np.log(1200 if with_torch else 2500))))
    return Recipe(
        seed=seed,
        task=task,
        precision=_precision(rng, task),
        optimizer=optimizer,
        rate=BASE_RATES[optimizer] * float(10 ** rng.uniform(-1.5, 0.9)),
        schedule=_choose(rng, SCHEDULE_SHARES),
        plan=draw_plan(rng, steps),
        batch=int(2 ** rng.integers(1 if rng.random() < 0.2 else 3, 6)),
        clip=float(np.exp(rng.uniform(-1.0, 2.0))) if rng.random() < 0.3 else 0.0,
        bad_batches=0.003 if rng.random() < 0.25 else 0.0,
        bad_factor=float(rng.uniform(2.0, 8.0)),
        digits=int(rng.integers(2, 5)) if rng.random() < 0.2 else 0,
    )


def _precision(rng: np.random.Generator, task: str) -> str:
    half = "float16" if task in NUMPY_TASKS or rng.random() < 0.5 else "bfloat16"
    return half if rng.random() < 0.2 else "float32"


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))

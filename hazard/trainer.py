"""One run from its recipe: real gradients, real steps, and what a trainer logs of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hazard.loss_scale import LossScale
from hazard.optimizers import OPTIMIZERS
from hazard.recipe import Recipe
from hazard.schedules import SCHEDULES
from hazard.tasks import Task, make_task
from hazard.tasks.task import Batch, Floats

COLUMNS = ("loss", "grad_norm", "learning_rate", "loss_scale")
AFTERMATH = 12
"""Steps that are still logged once the weights are not finite."""


def train(recipe: Recipe) -> NDArray[np.float64]:
    """Return the log, one row a step: loss, gradient norm before clipping, learning rate, loss scale (NaN: none)."""
    with np.errstate(all="ignore"):  # overflow is what these runs are for
        return _rounded(np.array(list(_rows(recipe)), np.float64), recipe.digits)


def _rows(recipe: Recipe) -> Iterator[tuple[float, float, float, float]]:
    task = make_task(recipe.task, recipe.seed, recipe.precision)
    rng = np.random.default_rng((recipe.seed, 1))
    optimizer = OPTIMIZERS[recipe.optimizer]()
    scaler = LossScale() if recipe.precision == "float16" else None
    broken = 0
    for step in range(recipe.plan.steps):
        rate = recipe.rate * SCHEDULES[recipe.schedule](step, recipe.plan)
        scale = scaler.scale if scaler else 1.0
        loss, gradient = task.loss_and_gradient(_batch(task, rng, recipe), scale)
        gradient = gradient.astype(np.float32) / np.float32(scale)
        norm = math.sqrt(np.vdot(gradient, gradient))
        if scaler is None or math.isfinite(norm):
            optimizer.step(task.weights, _clipped(gradient, norm, recipe.clip), rate)
        if scaler:
            scaler.update(overflowed=not math.isfinite(norm))
        yield loss, norm, rate, scale if scaler else math.nan
        broken += not (math.isfinite(norm) and math.isfinite(loss))
        if broken > AFTERMATH and not np.isfinite(task.weights).all():
            return


def _batch(task: Task, rng: np.random.Generator, recipe: Recipe) -> Batch:
    batch = task.draw(rng, recipe.batch)
    inputs = batch[0]
    if recipe.bad_batches and rng.random() < recipe.bad_batches and inputs.dtype == np.float32:
        inputs *= np.float32(recipe.bad_factor)
    return batch


def _clipped(gradient: Floats, norm: float, clip: float) -> Floats:
    return gradient * np.float32(clip / norm) if clip and norm > clip else gradient


def _rounded(log: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    if digits:
        log[:, :2] = np.round(log[:, :2], digits)
    return log

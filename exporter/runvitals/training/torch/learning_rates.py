"""Lowering learning rates, for optimizers and for the schedules that compute them anew at each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

_RATES = ("lr", "initial_lr", "max_lr", "min_lr", "base_lr")
"""What an optimizer's group holds as learning rates, for itself and for schedulers."""


def lower(optimizers: Iterable[Any], schedulers: Iterable[Any], factor: float) -> str:
    """Multiply all learning rates, and what schedulers compute them from; return what was done to the highest."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    before = max(float(group["lr"]) for group in groups)
    for group in groups:
        _scale(group, factor)
    for scheduler in schedulers:
        _scale_base(scheduler, factor)
    return f"from {before:.4g} to {before * factor:.4g}"


def _scale(group: dict[str, Any], factor: float) -> None:
    """Multiply the rates of a group; a tensor is changed in place, where a captured graph reads it."""
    for name in _RATES:
        rate = group.get(name)
        if isinstance(rate, torch.Tensor):
            rate.mul_(factor)
        elif isinstance(rate, (int, float)):
            group[name] = rate * factor


def _scale_base(scheduler: Any, factor: float) -> None:
    if isinstance(getattr(scheduler, "base_lrs", None), list):
        scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]
    if type(scheduler).__name__ == "AcceleratedScheduler":
        _scale_base(scheduler.scheduler, factor)
    for one in getattr(scheduler, "_schedulers", ()):  # of several, one after the other
        _scale_base(one, factor)

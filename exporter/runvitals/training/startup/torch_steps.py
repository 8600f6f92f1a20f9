"""Watching PyTorch's training steps where nothing is known but the optimizer that makes one."""

from __future__ import annotations

import functools
import gc
from typing import Any

import torch

from runvitals.client.run import Run
from runvitals.client.warning import warn
from runvitals.client.watch import _open_runs
from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.torch import TorchRun, watch

NOT_WATCHED = object()
"""Stands for what watches, where nothing does."""


def is_watched_already(own: Run | None) -> bool:
    """Tell whether the script itself records a run in this process."""
    return any(run is not own for run in _open_runs.values())


def watch_steps(run: str, optimizer: torch.optim.Optimizer) -> Any:
    """Watch the module whose parameters the optimizer steps; return what watches."""
    modules = [one for one in gc.get_objects() if issubclass(type(one), torch.nn.Module)]
    model = module_of(optimizer, modules)
    if model is None:
        warn("no module holds the parameters of the optimizer, so steps are not watched")
        return NOT_WATCHED
    scalers = [one for one in gc.get_objects() if issubclass(type(one), torch.amp.GradScaler) and one.is_enabled()]
    scaler = scalers[0] if len(scalers) == 1 else None
    losses = BackwardLosses(watch(model, optimizer, run=run, scaler=scaler), scaler)
    losses.attach(optimizer)
    return losses


def module_of(optimizer: torch.optim.Optimizer, modules: list[torch.nn.Module]) -> torch.nn.Module | None:
    """Return the innermost module that holds what the optimizer steps; if it was compiled, what is called instead."""
    stepped = {id(one) for group in optimizer.param_groups for one in group["params"]}
    called = [
        module for module in modules if getattr(module.forward, "__name__", "") != "_forward_unimplemented"
    ]  # no mere lists
    holders = [module for module in called if stepped <= {id(one) for one in module.parameters()}]
    if not holders:
        return None
    innermost = min(holders, key=lambda module: sum(1 for _ in module.modules()))
    return next((one for one in holders if getattr(one, "_orig_mod", None) is innermost), innermost)


class BackwardLosses(OffSwitch):
    """Takes for the loss of a step what `backward` is called on in it: the sum, as gradients are accumulated."""

    name = "the hook on backward"

    def __init__(self, run: TorchRun, scaler: Any) -> None:
        super().__init__()
        self._run, self._scaler = run, scaler
        self._losses: list[Any] = []

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the hooks on."""
        backward = torch.Tensor.backward

        @functools.wraps(backward)
        def seen_backward(tensor: torch.Tensor, *arguments: Any, **keywords: Any) -> Any:
            self._seen(tensor)
            return backward(tensor, *arguments, **keywords)

        torch.Tensor.backward = seen_backward
        self._undo.append(optimizer.register_step_post_hook(self._stepped).remove)

    @guarded
    def _seen(self, tensor: torch.Tensor) -> None:
        if tensor.numel() == 1:
            loss = tensor.detach().reshape(()).to(torch.float32)
            scale = getattr(self._scaler, "_scale", None)
            self._losses.append(loss if scale is None else loss / scale)

    @guarded
    def _stepped(self, *_: Any) -> None:
        losses, self._losses = self._losses, []
        if losses:
            self._run.log(loss=torch.stack([loss.reshape(()) for loss in losses]).sum())

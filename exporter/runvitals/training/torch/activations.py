"""What goes through the network in a step that is looked at: input, activations, output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from runvitals.training.chosen_layers import chosen_layers

MAX_ELEMENTS = 1 << 20
"""Elements of a tensor that are looked at: the first examples of the batch."""

Statistics = dict[str, Any]
"""Values on the device, by signal."""

_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU)
_NEARLY_FLAT = 0.02
"""A derivative that stops learning: of tanh beyond 2.6, of a sigmoid beyond 3.9."""


class Activations:
    """Hooks on the activation functions of a model, there only while a batch that is looked at goes through."""

    def __init__(self, model: nn.Module, max_layers: int) -> None:
        kinds = (*_RECTIFIERS, nn.Tanh, nn.Sigmoid)
        found = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
        chosen = chosen_layers(found, max_layers)
        self._modules = {name: found[name] for name in chosen}

    def watch(self, take: Callable[..., None]) -> list[Callable[[], None]]:
        """Have `take` called with each layer's name, module, inputs and output; return what removes the hooks.

        Where `take` can be copied and saved, so can the model meanwhile.
        """
        return [module.register_forward_hook(partial(take, name)).remove for name, module in self._modules.items()]


def of_activations(module: nn.Module, output: Any) -> Statistics:
    """Return the share of units that are dead, or of activations that are saturated, and mean and deviation."""
    output = first_examples(output)
    if output is None or not output.numel():
        return {}
    statistics = {"activation_mean": output.mean(), "activation_stddev": output.std(unbiased=False)}
    if isinstance(module, nn.Tanh):
        statistics["saturated_activations_ratio"] = (1.0 - output * output < _NEARLY_FLAT).float().mean()
    elif isinstance(module, nn.Sigmoid):
        statistics["saturated_activations_ratio"] = (output * (1.0 - output) < _NEARLY_FLAT).float().mean()
    elif isinstance(module, (nn.ReLU, nn.ReLU6)):
        statistics["dead_units_ratio"] = dead_units(output)
    return statistics


def dead_units(output: Any) -> Any:
    """Return the share of units that are 0 for every example; of an image a unit is a channel."""
    channel = 1 if output.ndim in (4, 5) else output.ndim - 1
    others = [dimension for dimension in range(output.ndim) if dimension != channel]
    is_alive = (output != 0).any(dim=others[0], keepdim=True) if others else output != 0
    for dimension in others[1:]:
        is_alive = is_alive.any(dim=dimension, keepdim=True)
    return 1.0 - is_alive.float().mean()


def of_input(batch: Any) -> Statistics:
    """Return what is known of a batch of numbers; of tokens nothing."""
    values = first_examples(batch)
    if values is None or not values.numel():
        return {}
    is_finite = torch.isfinite(values)
    return {
        "input_mean": values.mean(),
        "input_stddev": values.std(unbiased=False),
        "input_nonfinite_ratio": 1.0 - is_finite.float().mean(),
    }


def of_output(output: Any) -> Statistics:
    """Return how much the outputs for the examples of a batch differ."""
    tensor = output if torch.is_tensor(output) else getattr(output, "logits", None)
    values = first_examples(tensor)
    if values is None or values.ndim == 0 or len(values) < 2:
        return {}
    return {"output_stddev": values.std(dim=0, unbiased=False).mean()}


def first_examples(tensor: Any) -> Any:
    """Return the first examples of a batch of floating point numbers in single precision; None for anything else."""
    if not torch.is_tensor(tensor) or not tensor.is_floating_point():
        return None
    values = tensor.detach()
    if values.ndim and values.numel() > MAX_ELEMENTS:
        values = values[: max(MAX_ELEMENTS * len(values) // values.numel(), 1)]
    return values.to(torch.float32)

"""How much a step changes the parameters, against their size."""

from __future__ import annotations

from math import gcd, sqrt
from typing import Any

import torch

from runvitals.training.chosen_layers import chosen_layers
from runvitals.training.torch.parameters import Parameter, local

ELEMENTS = 4096
"""Elements of a parameter that are compared: evenly spaced over it, so that no second copy of the model is held."""


class UpdateRatios:
    """Compares a sample of some parameters before and after a step."""

    def __init__(self, parameters: list[Parameter], max_layers: int) -> None:
        chosen = set(chosen_layers((one.layer for one in parameters), max(max_layers, 8)))
        of_layer: dict[str, Parameter] = {}
        for one in parameters:
            largest = of_layer.get(one.layer)
            if one.layer in chosen and (largest is None or one.tensor.numel() > largest.tensor.numel()):
                of_layer[one.layer] = one  # the weight rather than the bias
        self._parameters = list(of_layer.values())
        self._before: list[Any] = []

    def before(self) -> None:
        """Keep the sample as it is before the step."""
        self._before = [_sample(one.tensor).clone() for one in self._parameters]

    def after(self) -> tuple[Any, list[tuple[str, int]]]:
        """Return norms of change and of size, in pairs, as a vector; and each one's layer and number of elements."""
        if not self._before:
            return None, []
        before, self._before = self._before, []
        after = [_sample(one.tensor) for one in self._parameters]
        norms = []
        for new, old in zip(after, before, strict=True):
            norms += [torch.linalg.vector_norm(new - old), torch.linalg.vector_norm(old)]
        first = norms[0].device
        places = [(one.layer, _stride(local(one.tensor).numel())) for one in self._parameters]
        return torch.stack([norm.to(first, torch.float32, non_blocking=True) for norm in norms]), places


def ratios(places: list[tuple[str, int]], norms: list[float]) -> tuple[float | None, dict[str, float]]:
    """Return change over size of everything and of each layer; None and absent where the size is 0."""
    change = size = 0.0
    of_layers = {}
    for place, (layer, weight) in enumerate(places):
        moved, norm = norms[2 * place], norms[2 * place + 1]
        change, size = change + weight * moved**2, size + weight * norm**2
        if norm > 0.0:
            of_layers[layer] = moved / norm
    return (sqrt(change) / sqrt(size) if size > 0.0 else None), of_layers


def _sample(tensor: Any) -> Any:
    flat = local(tensor)
    flat = torch.view_as_real(flat) if flat.is_complex() else flat
    flat = flat.view(-1) if flat.is_contiguous() else flat.flatten()
    return flat[:: _stride(flat.numel())].to(torch.float32)


def _stride(count: int) -> int:
    """Return the distance of two samples: with no divisor of the shape, else some columns would be all that is seen."""
    stride = max(count // ELEMENTS, 1)
    while gcd(stride, count) > 1:
        stride += 1
    return stride

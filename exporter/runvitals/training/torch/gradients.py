"""Norms of gradients: of everything together, and of single layers."""

from __future__ import annotations

from math import isfinite, log, nan, sqrt
from typing import Any

import torch

from runvitals.training.chosen_layers import chosen_layers
from runvitals.training.torch.parameters import Parameter, local

_MEMORY = 0.9
WORST = 4
"""Layers that are told besides the chosen ones, because their norm differs most from what it was."""


class GradientNorms:
    """Asks for the norms of all gradients in one vector, and makes sums of layers of it.

    A gradient that is sparse is left out. Of parameters that are spread over ranks it is the norm of this rank's
    shard.
    """

    def __init__(self, parameters: list[Parameter], max_layers: int) -> None:
        self._parameters = parameters
        self._chosen = set(chosen_layers((one.layer for one in parameters), max_layers))
        self._max_worst = WORST if max_layers else 0
        self._usual: dict[str, float] = {}

    def ask(self) -> tuple[Any, list[str], int]:
        """Return the norms as a vector on the device, the layer of each, and the bytes of a device that were read."""
        known = [(one.layer, one.tensor.grad) for one in self._parameters]
        dense = [(layer, gradient) for layer, gradient in known if gradient is not None and not gradient.is_sparse]
        if not dense:
            return None, [], 0
        layers, gradients = zip(*dense, strict=True)
        gradients = tuple(map(plain, gradients))
        return norms_of(gradients), list(layers), sum(map(device_bytes, gradients)) if gradients[0].is_cuda else 0

    def told(self, layers: list[str], norms: list[float], scale: float) -> tuple[float, dict[str, float]]:
        """Return the norm of everything and those of the layers to be told, each divided by the loss scale.

        Of a scale that has fallen to 0 nothing can be taken out: the norms are NaN.
        """
        scale = scale or nan
        squares: dict[str, float] = {}
        for layer, norm in zip(layers, norms, strict=True):
            squares[layer] = squares.get(layer, 0.0) + (norm / scale) ** 2
        of_layers = {layer: sqrt(square) for layer, square in squares.items()}
        told = {layer: norm for layer, norm in of_layers.items() if layer in self._chosen}
        told.update(self._worst(of_layers))
        return sqrt(sum(squares.values())), told

    def _worst(self, of_layers: dict[str, float]) -> dict[str, float]:
        """Return the layers that differ most from what they were; those that are not finite first."""
        changes = {layer: self._change(layer, norm) for layer, norm in of_layers.items()}
        worst = sorted(changes, key=lambda layer: -changes[layer])[: self._max_worst]
        return {layer: of_layers[layer] for layer in worst if changes[layer] > log(2.0)}

    def _change(self, layer: str, norm: float) -> float:
        if not isfinite(norm):
            return float("inf")
        level = log(max(norm, 1e-30))
        usual = self._usual.get(layer, level)
        self._usual[layer] = _MEMORY * usual + (1.0 - _MEMORY) * level
        return abs(level - usual)


def plain(gradient: Any) -> Any:
    """Return this rank's part, off the graph (`create_graph`), complex numbers as pairs of real ones."""
    gradient = local(gradient)
    return torch.view_as_real(gradient) if gradient.is_complex() else gradient


def norms_of(gradients: tuple[Any, ...]) -> Any:
    """Return the norm of each gradient, in a vector on the device of the first."""
    kinds = {(gradient.device, gradient.dtype) for gradient in gradients}
    if len(kinds) == 1:
        return torch.stack(_norms_of_kind(gradients))
    norms: list[Any] = [None] * len(gradients)
    for kind in kinds:
        places = [place for place, one in enumerate(gradients) if (one.device, one.dtype) == kind]
        found = _norms_of_kind(tuple(gradients[place] for place in places))
        for place, norm in zip(places, found, strict=True):
            norms[place] = norm.to(gradients[0].device, torch.float32, non_blocking=True)
    return torch.stack(norms)


def _norms_of_kind(gradients: tuple[Any, ...]) -> Any:
    """Return a norm for each; in single precision, since that of a half-precision gradient may not fit its type."""
    if gradients[0].dtype in (torch.float32, torch.float64):
        return torch._foreach_norm(gradients)
    return [torch.linalg.vector_norm(gradient, dtype=torch.float32) for gradient in gradients]


def device_bytes(gradient: Any) -> int:
    """Return the memory that a gradient takes."""
    return int(gradient.numel() * gradient.element_size())

"""How much the gradient turns from one step to the next, as a vector."""

from __future__ import annotations

from typing import Any

import torch

from runvitals.training.torch.cost import Cost
from runvitals.training.torch.gradients import device_bytes, norms_of, plain
from runvitals.training.torch.parameters import Parameter

_PASSES_TO_KEEP, _PASSES_TO_COMPARE = 2, 5
"""How often a gradient's memory is read or written."""


class GradientChange:
    """Compares the gradient with the one of the step before, and keeps a copy of it: as much memory as gradients take.

    The ratio is ‖g_t - g_(t-1)‖ / ‖g_(t-1)‖, over all parameters together; one that has no gradient in a step counts
    as 0 there. Of gradients that carry a loss scale, what is kept is brought to the newest scale first. Of parameters
    that are spread over ranks it is that of this rank's shard. Nothing is allocated in a step but norms, and nothing
    waits for a device.
    """

    def __init__(self, parameters: list[Parameter], cost: Cost) -> None:
        self._parameters, self._cost = [one.tensor for one in parameters], cost
        self._kept: dict[int, Any] = {}
        self._scale: Any = None
        self._step: int | None = None

    def keep(self, step: int, scale: Any = None) -> None:
        """Copy the gradients, which are those of a step."""
        gradients = self._gradients()
        for place in self._kept.keys() - gradients.keys():
            self._kept[place].zero_()
        if gradients:
            torch._foreach_copy_([self._kept[place] for place in gradients], list(gradients.values()))
            self._account(gradients, _PASSES_TO_KEEP)
        self._step, self._scale = step, None if scale is None else scale.detach().clone()

    def compare(self, step: int, scale: Any = None) -> Any:
        """Return the norms of change and of what was kept, as a vector, and keep the gradients of this step.

        None where what is kept is not of the step before.
        """
        norms = None
        if self._step == step - 1 and self._kept:
            gradients = self._gradients()
            self._rescale(scale)
            before = self._norm()
            if gradients:
                torch._foreach_sub_([self._kept[place] for place in gradients], list(gradients.values()))
            norms = torch.stack([self._norm(), before])
            self._account(gradients, _PASSES_TO_COMPARE)
        self.keep(step, scale)
        return norms

    def _norm(self) -> Any:
        return torch.linalg.vector_norm(norms_of(tuple(self._kept.values())))

    def _account(self, gradients: dict[int, Any], passes: int) -> None:
        self._cost.device_bytes += passes * sum(device_bytes(one) for one in gradients.values() if one.is_cuda)

    def _gradients(self) -> dict[int, Any]:
        """Return the dense gradients by the place of their parameter, and have a copy of each, at first of zeros."""
        known = enumerate(tensor.grad for tensor in self._parameters)
        gradients = {place: plain(one) for place, one in known if one is not None and not one.is_sparse}
        for place in gradients.keys() - self._kept.keys():
            self._kept[place] = torch.zeros_like(gradients[place])
        return gradients

    def _rescale(self, scale: Any) -> None:
        if scale is None or self._scale is None:
            return
        factor = scale.detach() / self._scale
        for kept in self._kept.values():
            kept.mul_(factor.to(kept.device, non_blocking=True))


def ratio(norms: list[float]) -> float | None:
    """Return change over size; None where the size is 0."""
    change, size = norms
    return change / size if size else None

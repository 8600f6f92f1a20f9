"""The loss that the model itself computes, before the Trainer averages it and replaces what is not finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch


class RawLosses:
    """Collects the losses of a step's batches without reading them.

    What is kept is the tensor itself, not a copy: where the Trainer shares tokens out over ranks it scales the loss in
    its place, and the scaled one is what is learned from.
    """

    def __init__(self) -> None:
        self._of_batches: list[Any] = []
        self._is_share = False

    def attach(self, model: torch.nn.Module) -> Callable[[], None]:
        """Hook the model; return what removes the hook."""
        remove: Callable[[], None] = model.register_forward_hook(self._seen, with_kwargs=True).remove
        return remove

    def take(self) -> Any:
        """Return the loss of the step, a tensor of one element, and begin anew; None where the model gave none."""
        losses, self._of_batches = self._of_batches, []
        if not losses:
            return None
        together = torch.stack([loss.to(torch.float32) for loss in losses])
        # Of a loss over all tokens of the accumulated batches each batch holds a share; otherwise each is a mean.
        return together.sum() if self._is_share else together.mean()

    def _seen(self, module: torch.nn.Module, _inputs: Any, keywords: Mapping[str, Any], output: Any) -> None:
        if not (module.training and torch.is_grad_enabled()) or torch.compiler.is_compiling():
            return
        loss = _loss_of(output)
        if torch.is_tensor(loss) and loss.numel() == 1 and loss.requires_grad:
            self._is_share = keywords.get("num_items_in_batch") is not None
            self._of_batches.append(loss.detach().reshape(()))


def _loss_of(output: Any) -> Any:
    """Return what the Trainer takes for the loss."""
    if isinstance(output, Mapping):
        return output.get("loss")
    return output[0] if isinstance(output, (tuple, list)) and output else None

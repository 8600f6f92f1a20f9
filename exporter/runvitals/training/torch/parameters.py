"""The parameters of a model, by layer."""

from __future__ import annotations

from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """One trainable parameter; `layer` is the name of the module that holds it; of the whole model's own, its own."""

    layer: str
    tensor: Any


def unwrapped(model: Any) -> Any:
    """Return the user's own module, out of what data parallelism and compilation wrap around it."""
    while True:
        inner = getattr(model, "_orig_mod", None) or (getattr(model, "module", None) if _is_wrapper(model) else None)
        if inner is None:
            return model
        model = inner


def _is_wrapper(model: Any) -> bool:
    return type(model).__name__ in {"DistributedDataParallel", "DataParallel", "FullyShardedDataParallel"}


def unwrapped_optimizer(optimizer: Any) -> Any:
    """Return PyTorch's own optimizer, whose hooks are called, out of what Accelerate wraps around it."""
    while type(optimizer).__name__ == "AcceleratedOptimizer":
        optimizer = optimizer.optimizer
    return optimizer


def trainable(model: Any) -> list[Parameter]:
    """Return the parameters that require a gradient, in the order of the model."""
    named = [(name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad]
    return [Parameter(name.rpartition(".")[0] or name, tensor) for name, tensor in named]


def local(tensor: Any) -> Any:
    """Return the part of a tensor that this rank holds: of one that is spread over ranks (DTensor), its shard."""
    tensor = tensor.detach()
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor

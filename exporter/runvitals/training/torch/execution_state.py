"""What PyTorch is doing at the moment: a hook that is called meanwhile may have to keep still."""

from __future__ import annotations

from typing import Any

import torch


def is_compiled(model: Any) -> bool:
    """Return whether a module was compiled, by the function or in its place."""
    return hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None) is not None


def is_being_compiled() -> bool:
    """Return whether what runs now is being recorded, to be run later without us (torch.compile, CUDA graphs)."""
    if torch.compiler.is_compiling():
        return True
    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())


def is_being_transformed() -> bool:
    """Return whether a transform of `torch.func` runs (vmap, grad), whose tensors have no memory of their own."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def is_in_backward() -> bool:
    """Return whether autograd computes gradients."""
    return bool(torch._C._current_graph_task_id() != -1)

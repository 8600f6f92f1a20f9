"""Which Lightning it is: the package goes under two names, and the callbacks of one are none of the other."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def _callback_class() -> Any:
    """Return the `Callback` of the package that the user imported; raises ImportError where there is neither."""
    for package in _PACKAGES:
        if package in sys.modules:
            return import_module(f"{package}.callbacks").Callback
    try:
        return import_module("lightning.pytorch.callbacks").Callback
    except ImportError:
        return import_module("pytorch_lightning.callbacks").Callback


if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback as Callback
else:
    Callback = _callback_class()

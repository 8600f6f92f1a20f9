"""Vitals of training runs and model servers.

This is what a training script imports; it brings in the standard library only:

    run = runvitals.watch("llama-pretrain")
    run.log(step=step, loss=loss, grad_norm=grad_norm)
"""

from runvitals.client.run import Run
from runvitals.client.watch import watch

__version__ = "0.1.0"

__all__ = ["Run", "__version__", "watch"]


def __getattr__(name: str) -> object:
    """Bring in the room that is for a training script but not light, once it is asked for."""
    if name == "embedded":
        import importlib

        return importlib.import_module("runvitals.embedded")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

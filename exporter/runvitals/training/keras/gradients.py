"""Gradient norms where the back end leaves the gradients with the parameters: PyTorch."""

from __future__ import annotations

import time
from typing import Any

from runvitals.client.run import Run
from runvitals.training.torch.gradients import GradientNorms
from runvitals.training.torch.parameters import Parameter
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.sampling import Sampling


class KerasGradients:
    """Looks at the gradients of a network between one batch and the next, as often as the budget allows."""

    def __init__(self, run: Run, network: Any, every: int | None, max_layers: int) -> None:
        parameters = [Parameter(one.path.rpartition("/")[0], one.value) for one in network.trainable_variables]
        self._norms = GradientNorms(parameters, max_layers)
        self._run, self._readback, self._sampling = run, Readback(run), Sampling(every)
        self._first: int | None = None

    def stepped(self, seconds: float) -> None:
        """Note how long a step took."""
        self._sampling.stepped(seconds)

    def look(self, step: int) -> None:
        """Record the norms of the step that was just made, if it is one to look at."""
        self._readback.deliver()
        if self._first is None:
            self._first = step
        if not self._sampling.is_due(step - self._first):
            return
        began = time.perf_counter()
        vector, layers, read = self._norms.ask()
        if vector is not None:
            self._readback.send(vector, lambda norms: self._tell(step, layers, norms))
        self._sampling.looked(step - self._first, time.perf_counter() - began, read)

    def _tell(self, step: int, layers: list[str], norms: list[float]) -> None:
        total, told = self._norms.told(layers, norms, 1.0)
        self._run.log({"grad_norm": total}, step=step)
        for layer, norm in told.items():
            self._run.log({"grad_norm": norm}, step=step, layer=layer)


def gradients_of(run: Run, network: Any, back_end: str, every: int | None, max_layers: int) -> KerasGradients | None:
    """Return what looks at the gradients; None where they are not to be had, or are scaled (mixed precision)."""
    if back_end != "torch" or hasattr(network.optimizer, "dynamic_scale"):
        return None
    return KerasGradients(run, network, every, max_layers)

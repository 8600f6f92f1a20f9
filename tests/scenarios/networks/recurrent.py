"""An Elman network in numpy that adds two marked numbers of a sequence."""

from __future__ import annotations

import numpy as np

from hazard.tasks.recurrent import Recurrent
from hazard.tasks.task import Floats
from tests.scenarios.networks.network import SATURATED_INPUT, squashed_vitals

HELD_BACK = 256


class RecurrentNetwork(Recurrent):
    """The adding problem of Hochreiter and Schmidhuber (1997), with tanh units; `gain` multiplies all weights."""

    def __init__(self, rng: np.random.Generator, *, gain: float = 1.0, precision: str = "float32") -> None:
        super().__init__(int(rng.integers(2**31)), precision)
        self._is_linear = False
        self.weights *= np.float32(gain)
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        ends = np.cumsum(sizes)
        names = ("input", "recurrence", "bias", "output")
        self.layers = {
            name: slice(int(end) - size, int(end)) for name, size, end in zip(names, sizes, ends, strict=True)
        }
        self._held_back = self.draw(rng, HELD_BACK)
        self._states: list[Floats] = []

    def outputs(self) -> Floats:
        """Return what was said for the newest batch (B, 1)."""
        return (self._states[-1] @ self.weights[self.layers["output"]].astype(self._dtype))[:, None]

    def activations(self) -> dict[str, dict[str, float]]:
        """Return how many states are saturated."""
        states = np.stack(self._states[1:])
        return {"recurrence": squashed_vitals(states, np.abs(states) > np.tanh(SATURATED_INPUT))}

    def evaluate(self) -> dict[str, float]:
        """Return the loss on held-back sequences."""
        return {"eval_loss": self.loss_and_gradient(self._held_back)[0]}

    def _run(self, inputs: Floats, inward: Floats, across: Floats, bias: Floats) -> list[Floats]:
        self._states = super()._run(inputs, inward, across, bias)
        return self._states

"""What is measured of a step, from vectors on a device to values under canonical names."""

from __future__ import annotations

from typing import Any

import torch

from runvitals.client.run import Run
from runvitals.training.torch import gradient_change
from runvitals.training.torch.activations import Statistics
from runvitals.training.torch.cost import Cost
from runvitals.training.torch.gradients import GradientNorms
from runvitals.training.torch.parameters import Parameter
from runvitals.training.torch.readback import Readback
from runvitals.training.torch.updates import UpdateRatios, ratios


class Measurements:
    """Sends vectors to the host, and records what they hold, once they are there, under the step they are of."""

    def __init__(self, run: Run, readback: Readback, parameters: list[Parameter], max_layers: int, cost: Cost) -> None:
        self._run, self._readback, self._cost = run, readback, cost
        self._norms = GradientNorms(parameters, max_layers)
        self._updates = UpdateRatios(parameters, max_layers)

    def send_statistics(self, step: int, statistics: Statistics, layer: str = "") -> None:
        """Record values on a device, by signal."""
        names, run = list(statistics), self._run
        self._readback.send(
            torch.stack([value.to(torch.float32) for value in statistics.values()]),
            lambda numbers: run.log(dict(zip(names, numbers, strict=True)), step=step, layer=layer),
        )

    def send_norms(self, step: int, signal: str, scale: Any = None) -> None:
        """Record the norm of the gradients, without their scale; with `grad_norm` those of layers and the scale."""
        vector, layers, read = self._norms.ask()
        if vector is None:
            return
        self._cost.device_bytes += read
        if scale is not None:
            vector = torch.cat([vector, scale.detach().reshape(1).to(vector.device, torch.float32)])
        run, norms, is_whole = self._run, self._norms, signal == "grad_norm"

        def take(numbers: list[float]) -> None:
            of_scale = numbers.pop() if scale is not None else 1.0
            total, told = norms.told(layers, numbers, of_scale)
            run.log({signal: total, **({"loss_scale": of_scale} if is_whole and scale is not None else {})}, step=step)
            for layer, norm in told.items() if is_whole else ():
                run.log({signal: norm}, step=step, layer=layer)

        self._readback.send(vector, take)

    def send_gradient_change(self, step: int, norms: Any) -> None:
        """Record what `GradientChange.compare` returned."""
        run = self._run

        def take(numbers: list[float]) -> None:
            found = gradient_change.ratio(numbers)
            if found is not None:
                run.log({"grad_change_ratio": found}, step=step)

        self._readback.send(norms, take)

    def begin_update(self) -> None:
        """Keep a sample of the parameters as they are before the step."""
        self._updates.before()

    def send_update(self, step: int) -> None:
        """Record how much the step has changed the parameters."""
        vector, places = self._updates.after()
        if vector is None:
            return
        run = self._run

        def take(numbers: list[float]) -> None:
            total, of_layers = ratios(places, numbers)
            if total is not None:
                run.log({"update_ratio": total}, step=step)
            for layer, ratio in of_layers.items():
                run.log({"update_ratio": ratio}, step=step, layer=layer)

        self._readback.send(vector, take)

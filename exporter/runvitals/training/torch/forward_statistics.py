"""Hooks on the forward pass of a step that is looked at: input, activations, output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.torch.activations import Activations, Statistics, of_activations, of_input, of_output
from runvitals.training.torch.cost import Cost
from runvitals.training.torch.execution_state import is_being_transformed, is_compiled
from runvitals.training.torch.parameters import unwrapped


class ForwardStatistics(OffSwitch):
    """Looks at what goes through a model; its hooks are there only while a batch that is looked at does.

    `send` takes the statistics, on their device, and the name of a layer.
    """

    name = "the hooks on the layers"

    def __init__(
        self, model: torch.nn.Module, max_layers: int, cost: Cost, send: Callable[[Statistics, str], None]
    ) -> None:
        super().__init__()
        self._model, self._cost, self._send = model, cost, send
        inner = unwrapped(model)
        self._activations = Activations(inner, max_layers) if inner is model or not is_compiled(model) else None
        self._hooks: list[Callable[[], None]] = []
        self._has_input = False

    def begin_step(self) -> None:
        """Let the next input be the first of its step."""
        self._has_input = False

    @guarded
    def watch_pass(self, inputs: tuple[Any, ...]) -> None:
        """Look at the first pass of a step, which begins with these inputs."""
        if self._has_input:
            return
        self.watch_input(inputs)
        self._cost.timed(self.watch_layers)
        if self._activations is not None:
            self._hooks.append(self._model.register_forward_hook(self._look_at_output).remove)

    @guarded
    def watch_input(self, inputs: tuple[Any, ...]) -> None:
        """Look at the first tensor of the inputs."""
        self._has_input = True
        first = next((one for one in inputs if torch.is_tensor(one)), None)
        self._cost.timed(lambda: self._tell(of_input(first)))

    @guarded
    def watch_layers(self) -> None:
        """Look at the activations of the pass that follows, unless it is done already."""
        if self._activations is not None and not self._hooks:
            self._hooks += self._activations.watch(self._look_at_layer)

    def unhook(self) -> None:
        """Take the hooks off: the pass is over."""
        hooks, self._hooks = self._hooks, []
        for remove in hooks:
            remove()

    def _undo_what_can_be(self) -> None:
        super()._undo_what_can_be()
        self.unhook()

    @guarded
    def _look_at_layer(self, layer: str, module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        if torch.is_grad_enabled() and not is_being_transformed():
            self._cost.timed(lambda: self._tell(of_activations(module, output), layer))

    @guarded
    def _look_at_output(self, _module: Any, _inputs: Any, output: Any) -> None:
        if torch.is_grad_enabled() and not is_being_transformed():
            self._cost.timed(lambda: self._tell(of_output(output)))

    def _tell(self, statistics: Statistics, layer: str = "") -> None:
        if statistics:
            self._send(statistics, layer)

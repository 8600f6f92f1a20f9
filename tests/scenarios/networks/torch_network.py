"""Networks in PyTorch, watched through forward hooks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hazard.tasks.task import Batch, Floats
from hazard.tasks.torch_tasks import CLASSES, TorchTask
from tests.scenarios.networks.network import accuracy, relu_vitals

HELD_BACK = 128
UNTOLD = 0.15


class TorchNetwork(TorchTask):
    """A perceptron, a convolutional network, a recurrent one or a transformer; its size is drawn from `rng`."""

    def __init__(self, kind: str, rng: np.random.Generator, *, precision: str = "float32") -> None:
        super().__init__(kind, int(rng.integers(2**31)), precision)
        self._recalls = kind == "recurrent"
        self.layers = self._places()
        self._seen: dict[str, Floats] = {}
        self._outputs: Floats = np.zeros((1, 1))
        for name, module in self._network.named_modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_hook(lambda _, __, output, name=name: self._note(name, output))
        self._held_back = self.draw(rng, HELD_BACK)

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return a batch. A share of the tokens cannot be told, as in a language: else the loss would fall to 0.

        A recurrent network is to say the token before the last, which it learns in a short run.
        """
        inputs, targets = super().draw(rng, size)
        if not self._is_sequence:
            return inputs, targets
        targets = inputs[:, -2].copy() if self._recalls else targets
        guessed = rng.random(size) < UNTOLD
        targets[guessed] = rng.integers(0, CLASSES, int(guessed.sum()))
        return inputs, targets

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the batch's loss and a copy of the gradient."""
        loss, gradient = super().loss_and_gradient(batch, scale)
        return loss, gradient.copy()

    def outputs(self) -> Floats:
        """Return what came out for the newest batch (B, classes)."""
        return self._outputs

    def activations(self) -> dict[str, dict[str, float]]:
        """Return how many rectified units are dead; a unit of a convolution is a channel."""
        return {name: relu_vitals(values, 1 if values.ndim == 4 else -1) for name, values in self._seen.items()}

    def evaluate(self) -> dict[str, float]:
        """Return loss and accuracy on held-back data; the network's own values of the newest batch are kept."""
        kept = self._outputs, dict(self._seen)
        with torch.no_grad():
            outputs = self._network(torch.from_numpy(self._held_back[0])).float()
            loss = float(self._loss(outputs, torch.from_numpy(self._held_back[-1])))
        self._outputs, self._seen = kept
        return {"eval_loss": loss, "eval_accuracy": accuracy(outputs.numpy(), self._held_back[-1]) or 0.0}

    def _loss(self, outputs: Tensor, classes: Tensor) -> Tensor:
        self._outputs = outputs.detach().numpy()
        return super()._loss(outputs, classes)

    def _note(self, name: str, output: Tensor) -> None:
        self._seen[name] = output.detach().float().numpy()

    def _places(self) -> dict[str, slice]:
        places: dict[str, slice] = {}
        start = 0
        for name, parameter in self._network.named_parameters():
            layer, end = name.rpartition(".")[0] or name, start + parameter.numel()
            places[layer] = slice(places[layer].start if layer in places else start, end)
            start = end
        return places

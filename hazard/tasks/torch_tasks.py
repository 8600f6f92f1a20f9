"""Networks in PyTorch: their weights and gradients share memory with the flat vectors of the trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from hazard.tasks.task import Batch, Floats

CLASSES = 4
LENGTH = 8
torch.set_num_threads(1)  # these networks are too small to share


class TorchTask:
    """A network on synthetic data: class prototypes plus noise, or (recurrent, transformer) tokens to be recalled."""

    def __init__(self, kind: str, seed: int, precision: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self._is_sequence = kind in {"recurrent", "transformer"}
        self._network = BUILDERS[kind](rng)
        self._autocast = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
        self._is_regression = not self._is_sequence and bool(rng.random() < 0.4)
        self._prototypes = rng.normal(size=(CLASSES, 64)).astype(np.float32)
        self._noise = rng.uniform(0.5, 2.0)
        self._share_memory(float(rng.choice([1.0, 1.0, 2.0])))

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """Return inputs (B, 64) and classes (B,), or tokens (B, T) and the one that stood first (B,)."""
        if self._is_sequence:
            tokens = rng.integers(0, CLASSES, (size, LENGTH))
            return tokens, (tokens[:, 0] + tokens[:, -1]) % CLASSES
        classes = rng.integers(0, CLASSES, size)
        inputs = self._prototypes[classes] + self._noise * rng.normal(size=(size, 64))
        return inputs.astype(np.float32), classes

    def loss_and_gradient(self, batch: Batch, scale: float = 1.0) -> tuple[float, Floats]:
        """Return the batch's loss and the gradient by autograd; the vector is overwritten by the next call."""
        self._gradient[:] = 0
        inputs, classes = map(torch.from_numpy, batch)
        with torch.autocast("cpu", dtype=self._autocast or torch.bfloat16, enabled=self._autocast is not None):
            outputs = self._network(inputs)
        loss = self._loss(outputs.float(), classes)
        (loss * scale).backward()  # type: ignore[no-untyped-call]  # PyTorch does not say
        return float(loss.detach()), self._gradient

    def _loss(self, outputs: Tensor, classes: Tensor) -> Tensor:
        if self._is_regression:
            return nn.functional.mse_loss(outputs, nn.functional.one_hot(classes, CLASSES).float())
        return nn.functional.cross_entropy(outputs, classes)

    def _share_memory(self, gain: float) -> None:
        parameters = list(self._network.parameters())
        flat = torch.cat([parameter.detach().ravel() for parameter in parameters]) * gain
        self.weights: Floats = flat.numpy()
        self._gradient = np.zeros_like(self.weights)
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.data = flat[start:end].view(parameter.shape)
            parameter.grad = torch.from_numpy(self._gradient[start:end]).view(parameter.shape)
            start = end


class _Recurrent(nn.Module):
    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        width = int(rng.integers(8, 24))
        self._embed = nn.Embedding(CLASSES, width)
        kind = (nn.RNN, nn.GRU)[int(rng.integers(2))]
        self._recurrence = kind(width, width, batch_first=True)
        self._head = nn.Linear(width, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        said: Tensor = self._head(self._recurrence(self._embed(tokens))[0][:, -1])
        return said


class _Transformer(nn.Module):
    """Pre-norm, post-norm or no norm at all, one or two blocks, learned positions."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        width, blocks = int(rng.choice([8, 16])), int(rng.integers(1, 3))
        self._norm = str(rng.choice(["before", "after", "none"]))
        self._embed = nn.Embedding(CLASSES, width)
        self._positions = nn.Parameter(torch.randn(LENGTH, width) * 0.3)
        self._mix = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(blocks))
        self._feed = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)) for _ in range(blocks)
        )
        self._norms = nn.ModuleList(
            nn.LayerNorm(width) if self._norm != "none" else nn.Identity() for _ in range(2 * blocks)
        )
        self._head = nn.Linear(width, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        value = self._embed(tokens) + self._positions
        for place, (mix, feed) in enumerate(zip(self._mix, self._feed, strict=True)):
            value = self._join(value, partial(_attend, mix), self._norms[2 * place])
            value = self._join(value, feed, self._norms[2 * place + 1])
        said: Tensor = self._head(value[:, -1])
        return said

    def _join(self, value: Tensor, branch: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        joined: Tensor = norm(value + branch(value)) if self._norm == "after" else value + branch(norm(value))
        return joined


def _attend(mix: nn.Module, value: Tensor) -> Tensor:
    query, key, content = mix(value).chunk(3, dim=-1)
    weights = torch.softmax(query @ key.transpose(1, 2) / query.shape[-1] ** 0.5, dim=-1)
    attended: Tensor = weights @ content
    return attended


def _perceptron(rng: np.random.Generator) -> nn.Module:
    width = int(rng.integers(8, 48))
    layers: list[nn.Module] = [nn.Linear(64, width)]
    for _ in range(int(rng.integers(1, 4))):
        layers += [nn.LayerNorm(width)] if rng.random() < 0.3 else []
        layers += [nn.ReLU() if rng.random() < 0.7 else nn.GELU(), nn.Linear(width, width)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(width, CLASSES))


def _convolution(rng: np.random.Generator) -> nn.Module:
    channels = int(rng.integers(4, 10))
    norm: nn.Module = nn.GroupNorm(1, channels) if rng.random() < 0.3 else nn.Identity()
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, channels, 3, padding=1),
        norm,
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(channels * 16, CLASSES),
    )


BUILDERS: Mapping[str, Callable[[np.random.Generator], nn.Module]] = {
    "perceptron": _perceptron,
    "convolution": _convolution,
    "recurrent": _Recurrent,
    "transformer": _Transformer,
}

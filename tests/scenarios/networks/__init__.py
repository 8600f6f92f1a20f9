"""What is trained: networks of numpy and of PyTorch that show what goes on inside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.scenarios.networks.network import Network
from tests.scenarios.networks.perceptron import PerceptronNetwork
from tests.scenarios.networks.recurrent import RecurrentNetwork

NUMPY: Mapping[str, Callable[..., Network]] = {"perceptron": PerceptronNetwork, "recurrent": RecurrentNetwork}
TORCH = ("torch_perceptron", "torch_convolution", "torch_recurrent", "torch_transformer")

__all__ = ["TORCH", "Network", "make_network"]


def make_network(name: str, rng: np.random.Generator, **options: Any) -> Network:
    """Return the network of that name with its data, drawn from `rng`. Raises ImportError without PyTorch."""
    if name in NUMPY:
        return NUMPY[name](rng, **options)
    from tests.scenarios.networks.torch_network import TorchNetwork  # the numpy networks run without it

    return TorchNetwork(name.removeprefix("torch_"), rng, **options)

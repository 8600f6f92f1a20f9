"""What a hook reads off a step, under the canonical names of the signals."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Mapping

import numpy as np

from hazard.tasks.task import Batch, Floats
from tests.scenarios.networks import Network
from tests.scenarios.networks.network import accuracy

_BARE = ("loss", "learning_rate")
_USUAL = (*_BARE, "grad_norm", "step_seconds", "loss_scale")


def chosen(values: Mapping[str, float], detail: str, missing: Collection[str]) -> dict[str, float]:
    """Return what a hook of this detail logs of the values."""
    kept = {"bare": _BARE, "usual": _USUAL}.get(detail, tuple(values))
    return {signal: value for signal, value in values.items() if signal in kept and signal not in missing}


def norm(values: Floats) -> float:
    """Return the Euclidean norm."""
    return math.sqrt(float(np.vdot(values, values)))


def inputs(batch: Batch) -> dict[str, float]:
    """Return what is known of a batch's inputs; tokens have a fingerprint only."""
    data = batch[0]
    known = {"batch_fingerprint": float(zlib.crc32(data.tobytes()))}
    if data.dtype.kind != "f":
        return known
    finite = data[np.isfinite(data)]
    flat = data.reshape(len(data), -1)
    return {
        **known,
        "input_mean": float(finite.mean()) if finite.size else math.nan,
        "input_stddev": float(finite.std()) if finite.size else math.nan,
        "input_nonfinite_ratio": 1.0 - finite.size / data.size,
        "input_missing_ratio": 0.0,
        **({"input_constant_ratio": float((flat == flat[0]).all(axis=0).mean())} if len(flat) > 1 else {}),
    }


def answers(network: Network, batch: Batch) -> dict[str, float]:
    """Return what is known of the network's outputs for a batch."""
    outputs = network.outputs()
    right = accuracy(outputs, batch[-1])
    spread = {"output_stddev": float(outputs.std(axis=0).mean())} if len(outputs) > 1 else {}
    return spread if right is None else {**spread, "accuracy": right}


def whole(network: Network, before: Floats) -> dict[str, float]:
    """Return what the step did to all parameters."""
    size = norm(network.weights)
    return {"parameter_norm": size, "update_ratio": norm(network.weights - before) / max(norm(before), 1e-12)}


def layers(network: Network, gradient: Floats, before: Floats, frozen: Collection[str]) -> dict[str, dict[str, float]]:
    """Return, by layer, what the step did to its parameters and what its units did; a frozen layer has no gradient."""
    found: dict[str, dict[str, float]] = {}
    for layer, place in network.layers.items():
        old = before[place]
        part = gradient[place]
        if layer not in frozen:
            found[layer] = {
                "grad_norm": norm(part),
                "zero_gradient_ratio": float((part == 0).mean()),
                "update_ratio": norm(network.weights[place] - old) / max(norm(old), 1e-12),
            }
    for layer, values in network.activations().items():
        found[layer] = {**found.get(layer, {}), **values}
    return found

"""For every detector by name: what a healthy run shows of its signals, and what one shows that it must see."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from runvitals.values import Sample

Row = dict[str | tuple[str, str], float]
"""Values of one step by signal, or by (signal, layer)."""

ROWS = 40
"""Of a hostile stretch."""

GIB = 2.0**30
START = 1_000_000.0
_POLL = 15.0


class Story(NamedTuple):
    """A healthy run of `healthy` rows `seconds` apart, and the anomaly that then lasts for up to `wrong` rows.

    Each is a function of the row's number, counted from the beginning of the run and of the anomaly, and of a source
    of noise. The anomaly may begin with steps that go `back`. A detector that looks at `block` rows together may see it
    so many rows later by where the hostile rows lie among them; one that looks at the whole run counts those not.
    """

    usual: Callable[[int, random.Random], Row]
    anomaly: Callable[[int, random.Random], Row]
    healthy: int = 400
    wrong: int = 60
    seconds: float = 1.0
    back: int = 0
    block: int = 1


def samples(row: Row, time: float, step: int | None) -> Iterator[Sample]:
    """The samples of a row."""
    for place, value in row.items():
        signal, layer = place if isinstance(place, tuple) else (place, "")
        yield Sample("run", "0", signal, layer, time, step, value)


def _noise(rng: random.Random, level: float = 1.0, spread: float = 0.05) -> float:
    return level * math.exp(rng.gauss(0.0, spread))


def _always(**levels: float) -> Callable[[int, random.Random], Row]:
    """Signals that scatter by some per cent about a level."""
    return lambda _, rng: {signal: _noise(rng, level) for signal, level in levels.items()}


def _loss(row: int, rng: random.Random, end: float = 0.9) -> float:
    """A loss that falls fast, and then slowly."""
    return _noise(rng, end + (2.3 - end) * math.exp(-row / 100.0), 0.03)


def _learning(row: int, rng: random.Random) -> Row:
    return {"loss": _loss(row, rng)}


def _stuck(row: int, rng: random.Random) -> float:
    """A loss that stands still."""
    return _noise(rng, 2.3, 0.02)


def _at_its_start(_: int, rng: random.Random) -> Row:
    return {"loss": _noise(rng, 4.17, 0.02)}


def _serving(tokens: float) -> Callable[[int, random.Random], Row]:
    return lambda _, rng: {"requests_running": 20.0, "output_tokens_per_second": _noise(rng, tokens)}


def _evaluated(row: int, rng: random.Random) -> Row:
    level = math.exp(-min(row, 800) / 2000.0)
    seen: Row = {"loss": _noise(rng, 2.3 * level, 0.03)}
    return {**seen, "eval_loss": _noise(rng, 2.4 * level, 0.01)} if row % 10 == 9 else seen


def _overfitted(row: int, rng: random.Random) -> Row:
    seen: Row = {"loss": _noise(rng, 1.5 * math.exp(-row / 200.0), 0.03)}
    return {**seen, "eval_loss": _noise(rng, 2.3 + 0.01 * row, 0.01)} if row % 10 == 9 else seen


def _idle(gib: float) -> Callable[[int, random.Random], Row]:
    return lambda row, rng: {"memory_rss_bytes": (8.0 + gib * row + 0.02 * rng.random()) * GIB}


def _gpu(utilisation: float) -> Callable[[int, random.Random], Row]:
    return lambda _, rng: {
        "step_seconds": _noise(rng, 10.0),
        "loss": _stuck(0, rng),
        ("gpu_utilization_ratio", "gpu0"): utilisation * rng.uniform(0.98, 1.0),
    }


def _with_stuck_loss(signal: str, healthy: float, wrong: float) -> dict[str, Callable[[int, random.Random], Row]]:
    """A share that rises while the loss stands still."""
    usual, anomaly = (
        (lambda _, rng, at=at: {"loss": _stuck(0, rng), signal: _noise(rng, at)}) for at in (healthy, wrong)
    )
    return {"usual": usual, "anomaly": anomaly}


_UPDATED = _always(learning_rate=1e-3, grad_norm=1.0, update_ratio=1e-3)
_CONSTANT_RATE = {"learning_rate": 0.01}

STORIES: dict[str, Story] = {
    "amp_scale_collapse": Story(
        lambda row, rng: {**_learning(row, rng), "loss_scale": 65536.0},
        lambda row, rng: {**_learning(400, rng), "loss_scale": 65536.0 / 2.0 ** (row + 1)},
    ),
    "bad_batch": Story(_learning, lambda row, rng: {"loss": _loss(800, rng) * (3.0 if row == 0 else 1.0)}),
    "bad_input": Story(lambda *_: {"input_nonfinite_ratio": 0.0}, lambda *_: {"input_nonfinite_ratio": 0.1}),
    "dead_units": Story(**_with_stuck_loss("dead_units_ratio", 0.05, 0.8)),
    "divergence": Story(_learning, lambda row, rng: {"loss": _noise(rng, 1.25**row)}),
    "error_rate": Story(
        _always(requests_per_second=10.0, error_ratio=0.001),
        _always(requests_per_second=10.0, error_ratio=0.3),
        seconds=_POLL,
        block=20,
    ),
    "fail_slow": Story(_always(step_seconds=1.0), _always(step_seconds=1.6), healthy=1200, wrong=900),
    "gpu_fault": Story(lambda *_: {("gpu_xid", "gpu0"): 0.0}, lambda *_: {("gpu_xid", "gpu0"): 79.0}, seconds=_POLL),
    "gradient_explosion": Story(_always(grad_norm=1.0), lambda row, rng: {"grad_norm": _noise(rng, 1.3**row)}),
    "gradient_explosion_likely": Story(
        _always(grad_norm=1.0, learning_rate=1e-3),
        lambda row, rng: {"grad_norm": _noise(rng, 1.1**row), "learning_rate": 1e-3},
        wrong=200,
    ),
    "input_bound": Story(
        _always(data_seconds=0.01, step_seconds=1.0), _always(data_seconds=0.7, step_seconds=1.7), wrong=200, block=32
    ),
    "input_unscaled": Story(_always(input_mean=0.1, input_stddev=1.0), _always(input_mean=120.0, input_stddev=60.0)),
    "latency_degraded": Story(
        _always(requests_per_second=10.0, request_seconds=0.4),
        _always(requests_per_second=10.0, request_seconds=4.0),
        healthy=800,
        wrong=200,
        seconds=_POLL,
    ),
    "learning_rate_out_of_band": Story(
        lambda row, rng: {**_learning(row, rng), "learning_rate": 1e-3},
        lambda row, rng: {**_learning(400, rng), "learning_rate": 10.0},
        wrong=100,
    ),
    "loss_head_mismatch": Story(
        lambda row, rng: {"loss": _stuck(row, rng)}, lambda row, rng: {"loss": -_stuck(row, rng)}
    ),
    "loss_spike": Story(_learning, lambda row, rng: {"loss": 3.0 * _loss(800, rng)}),
    "low_utilisation": Story(_gpu(0.98), _gpu(0.3), healthy=500, wrong=900, seconds=10.0, block=6),
    "memory_leak": Story(_idle(0.0), _idle(1.0 / 60.0), healthy=500, wrong=2000, seconds=10.0),
    "memory_pressure": Story(
        _always(memory_utilization_ratio=0.3), lambda *_: {"memory_utilization_ratio": 0.96}, seconds=10.0, block=3
    ),
    "no_update": Story(_UPDATED, lambda row, rng: {**_UPDATED(row, rng), "update_ratio": 0.0}),
    "nonfinite_gradient": Story(_always(grad_norm=1.0), lambda *_: {"grad_norm": math.nan}),
    "nonfinite_loss": Story(_learning, lambda *_: {"loss": math.inf}),
    "not_learning": Story(_at_its_start, _at_its_start, healthy=0, wrong=800, block=ROWS + 17),
    "oscillation": Story(
        _learning, lambda row, rng: {"loss": _noise(rng, 1.25 if row % 2 else 0.8)}, healthy=500, wrong=400, block=64
    ),
    "overfitting": Story(_evaluated, _overfitted, healthy=400, wrong=400),
    "plateau": Story(
        lambda row, rng: {**_CONSTANT_RATE, "loss": _loss(row, rng, 1.6)},
        lambda _, rng: {**_CONSTANT_RATE, "loss": _noise(rng, 1.55, 0.02)},
        wrong=4000,
        block=ROWS + 33,
    ),
    "queue_growth": Story(
        lambda _, rng: {"requests_waiting": float(rng.randrange(3))},
        lambda row, rng: {"requests_waiting": 5.0 * row + rng.randrange(3)},
        wrong=200,
        seconds=_POLL,
        block=4,
    ),
    "resume_lost_state": Story(
        _learning, lambda row, rng: {"loss": _noise(rng, 0.9 + 1.2 * math.exp(-row / 100.0), 0.03)}, wrong=80, back=100
    ),
    "saturated_activations": Story(**_with_stuck_loss("saturated_activations_ratio", 0.02, 0.7)),
    "saturation": Story(
        lambda _, rng: {"requests_waiting": 0.0, "kv_cache_utilization_ratio": _noise(rng, 0.3)},
        lambda _, rng: {"requests_waiting": 12.0, "kv_cache_utilization_ratio": 0.99},
        wrong=100,
        seconds=_POLL,
    ),
    "server_down": Story(lambda *_: {"server_up": 1.0}, lambda *_: {"server_up": 0.0}, seconds=_POLL),
    "throughput_drop": Story(
        _always(tokens_per_second=5000.0), _always(tokens_per_second=2000.0), healthy=1200, wrong=600, block=60
    ),
    "token_throughput_drop": Story(
        _serving(1000.0),
        _serving(200.0),
        healthy=800,
        wrong=400,
        seconds=_POLL,
    ),
    "update_too_large": Story(_always(update_ratio=1e-3), _always(update_ratio=0.3)),
    "vanishing_gradient": Story(**_with_stuck_loss("grad_norm", 1.0, 1e-6)),
}
"""By detector, as faults with a detector are named in the catalogue."""

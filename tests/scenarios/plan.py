"""What a training run is, before anything goes wrong: plans of every architecture, and how a seed varies them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from hazard import schedules
from hazard.schedules import Plan as Turns

Schedule = Callable[[int], float]
Detail = Literal["bare", "usual", "full"]
SMALL_START = 0.408
"""The gain of PyTorch's own initial weights: a network that begins at the price of a guess."""


def constant(_: int) -> float:
    """Return 1: the rate stays what it is."""
    return 1.0


def warmup_cosine(steps: int, length: int) -> Schedule:
    """Rise for `length` steps, then fall along a cosine until `steps`."""
    return lambda step: schedules.warmup_cosine(step, Turns(steps, 0, length, 1.0))


def warm_restarts(every: int) -> Schedule:
    """Fall along a cosine and start again every so many steps."""
    return lambda step: schedules.warm_restarts(step, Turns(0, every, 1, 1.0))


def decay(start: int) -> Schedule:
    """Fall to a tenth at `start` and to a hundredth at twice that."""
    return lambda step: schedules.decay(step, Turns(0, start, 1, 1.0))


class Plan(NamedTuple):
    """How a run is trained, and what its hook logs.

    `detail`: "bare" is loss and rate, "usual" adds the gradient norm and the step time, "full" is all that a hook can
    see, single layers every `layers_every` steps. `digits` is what the logger rounds to. `clock` and `machine` are
    fields of StepClock and Machine; without a `machine` nobody watches the process. Pauses are in seconds.
    """

    network: str = "perceptron"
    options: Mapping[str, Any] = {}
    optimizer: str = "momentum"
    rate: float = 0.02
    schedule: Schedule = constant
    batch: int = 32
    steps: int = 1200
    accumulate: int = 1
    logs_micro_batches: bool = False
    clip: float = 0.0
    digits: int | None = None
    detail: Detail = "full"
    log_every: int = 1
    layers_every: int = 10
    repeats: float = 0.0
    eval_every: int = 0
    eval_seconds: float = 20.0
    announces_pauses: bool = True
    checkpoint_every: int = 100
    checkpoint_seconds: float = 4.0
    marks_batches: bool = False
    frozen: tuple[str, ...] = ()
    clock: Mapping[str, float] = {}
    machine: Mapping[str, float] | None = None
    has_gpu: bool = False

    def drawn(self, rng: np.random.Generator) -> Plan:
        """Return the plan with what differs from seed to seed: the rate and how long a step takes."""
        clock = {"compute": 0.4, **self.clock}
        clock["compute"] *= math.exp(rng.uniform(-0.4, 0.4))
        return self._replace(rate=self.rate * math.exp(rng.uniform(-0.25, 0.25)), clock=clock)

    def with_options(self, **options: Any) -> Plan:
        """Return the plan with other options of its network."""
        return self._replace(options={**self.options, **options})


PERCEPTRON = Plan()
ADAM = Plan(optimizer="adamw", rate=0.002)
TANH = Plan(options={"activation": "tanh"}, optimizer="sgd", rate=0.1)
REGRESSION = Plan(options={"classes": 0}, optimizer="sgd", rate=0.03)
RNN = Plan("recurrent", optimizer="adamw", rate=0.003, clip=1.0)
CNN = Plan("torch_convolution", optimizer="adamw", rate=0.001, batch=16, steps=800)
TRANSFORMER = Plan("torch_transformer", optimizer="adamw_long", rate=0.004, batch=24, steps=700)
TORCH_RNN = Plan("torch_recurrent", optimizer="adamw", rate=0.004, batch=24, steps=700, clip=1.0)
TORCH_PERCEPTRON = Plan("torch_perceptron", optimizer="adamw", rate=0.001, batch=16, steps=900)

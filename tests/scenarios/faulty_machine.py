"""Processes, loaders, networks and GPUs that fail or slow down."""

from __future__ import annotations

from collections.abc import Mapping

from runvitals.values import EventKind
from tests.scenarios import plants
from tests.scenarios.machine import GIB
from tests.scenarios.plan import ADAM, CNN, PERCEPTRON, RNN, TRANSFORMER
from tests.scenarios.trained import planted

_MACHINE: Mapping[str, float] = {"rss": 6.0 * GIB}
_SECONDS = {"compute": 2.5, "data": 0.04, "exchange": 0.3}
_MINUTES = {"compute": 18.0, "data": 0.1}
"""How long the steps of large networks take: what only hours show needs no more steps then."""


ENDS = (
    planted("hang", "hang", "infrastructure", 1, PERCEPTRON, plants.stop(None)),
    planted(
        "hang_with_machine",
        "hang",
        "infrastructure",
        1,
        CNN._replace(machine=_MACHINE, has_gpu=True),
        plants.stop(None),
    ),
    planted(
        "hang_in_collective",
        "hang",
        "infrastructure",
        1,
        ADAM._replace(clock=_SECONDS),
        plants.together(
            plants.say(EventKind.COLLECTIVE_TIMEOUT, "Watchdog caught collective operation timeout"), plants.stop(None)
        ),
    ),
    planted("crash", "run_crashed", "infrastructure", 1, PERCEPTRON, plants.stop(EventKind.RUN_CRASHED)),
    # The log says why it died.
    planted(
        "crash_out_of_memory",
        "run_crashed",
        "infrastructure",
        1,
        TRANSFORMER._replace(machine=_MACHINE),
        plants.together(plants.say(EventKind.OUT_OF_MEMORY, "CUDA out of memory"), plants.stop(EventKind.RUN_CRASHED)),
        also=("memory_pressure",),
    ),
    planted(
        "crash_with_traceback",
        "run_crashed",
        "structure",
        1,
        RNN,
        plants.together(plants.say(EventKind.TRACEBACK, "RuntimeError"), plants.stop(EventKind.RUN_RAISED)),
    ),
    planted(
        "two_writers",
        "duplicate_writer",
        "infrastructure",
        5,
        ADAM,
        plants.say(EventKind.DUPLICATE_WRITER, pid="4711", host="node-7"),
    ),
    planted(
        "two_writers_transformer",
        "duplicate_writer",
        "infrastructure",
        5,
        TRANSFORMER,
        plants.say(EventKind.DUPLICATE_WRITER, pid="4711", host="node-7"),
    ),
)
SPEED = (
    planted("input_bound", "input_bound", "infrastructure", 300, PERCEPTRON, plants.set_clock(data=60.0)),
    planted("input_bound_convolution", "input_bound", "infrastructure", 300, CNN, plants.set_clock(data=30.0)),
    planted(
        "input_bound_from_the_start",
        "input_bound",
        "infrastructure",
        400,
        ADAM._replace(clock={"data": 0.35}),
    ),
    # Only the whole step is logged: slower steps and a lower throughput are one fact.
    planted(
        "throughput_drop",
        "throughput_drop",
        "infrastructure",
        300,
        ADAM,
        plants.together(
            plants.set_clock(exchange=20.0),
            lambda training: setattr(training, "missing", frozenset({"compute_seconds", "data_seconds"})),
        ),
        also=("fail_slow",),
    ),
    planted(
        "throughput_drop_network",
        "throughput_drop",
        "infrastructure",
        300,
        CNN._replace(clock={"exchange": 0.1}),
        plants.set_clock(exchange=8.0),
        also=("fail_slow",),
    ),
    planted(
        "fail_slow",
        "fail_slow",
        "infrastructure",
        300,
        PERCEPTRON._replace(clock=_SECONDS),
        plants.set_clock(compute=1.5),
        also=("throughput_drop",),
    ),
    planted(
        "fail_slow_usual_log",
        "fail_slow",
        "infrastructure",
        300,
        ADAM._replace(detail="usual", clock=_SECONDS),
        plants.set_clock(compute=1.7),
    ),
    planted(
        "fail_slow_optimizer_period",
        "fail_slow",
        "infrastructure",
        300,
        RNN._replace(detail="usual", clock={**_SECONDS, "slow_every": 10, "slow_factor": 2.5}),
        plants.set_clock(compute=1.6),
    ),
)
MEMORY = (
    planted(
        "memory_leak",
        "memory_leak",
        "infrastructure",
        800,
        ADAM._replace(clock=_MINUTES, machine={"rss": 6 * GIB, "limit": 64 * GIB}),
        plants.leak(1.5e6),
        between=(0.3, 0.4),
    ),
    planted(
        "memory_leak_fast",
        "memory_leak",
        "infrastructure",
        800,
        PERCEPTRON._replace(clock=_MINUTES, machine={"rss": 10 * GIB, "limit": 128 * GIB}),
        plants.leak(8e6),
        between=(0.3, 0.4),
    ),
    planted(
        "memory_leak_under_caches",
        "memory_leak",
        "infrastructure",
        800,
        RNN._replace(clock=_MINUTES, machine={"swing": 2 * GIB, "limit": 64 * GIB}),
        plants.leak(2.5e6),
        between=(0.3, 0.35),
    ),
    planted(
        "memory_pressure",
        "memory_pressure",
        "infrastructure",
        150,
        CNN._replace(machine={"limit": 32 * GIB}, clock=_SECONDS),
        plants.set_machine(rss=31.5 * GIB, swing=0.0),
    ),
    planted(
        "memory_pressure_from_the_start",
        "memory_pressure",
        "infrastructure",
        400,
        ADAM._replace(machine={"rss": 31.6 * GIB, "limit": 32 * GIB, "swing": 0.1 * GIB}, clock=_SECONDS),
    ),
)
_GPU = PERCEPTRON._replace(machine=_MACHINE, has_gpu=True, clock={"compute": 1.5})
GPU = (
    planted(
        "gpu_xid",
        "gpu_fault",
        "infrastructure",
        100,
        _GPU,
        plants.together(plants.set_machine(gpu_xid=79.0), plants.say(EventKind.XID, "79", xid="79")),
    ),
    planted("gpu_ecc", "gpu_fault", "infrastructure", 100, _GPU, plants.set_machine(gpu_uncorrected_ecc=3.0)),
    # What it does to the steps.
    planted(
        "gpu_throttled",
        "gpu_fault",
        "infrastructure",
        200,
        _GPU,
        plants.together(
            plants.set_machine(gpu_throttled=0.9, gpu_temperature=89.0, gpu_clock=1.1e9, gpu_power=400.0),
            plants.set_clock(compute=1.5),
        ),
        also=("fail_slow",),
    ),
    planted(
        "gpu_idle",
        "low_utilisation",
        "infrastructure",
        500,
        _GPU._replace(clock={"compute": 6.0}),
        plants.set_machine(gpu_utilization=0.15, gpu_power=150.0),
    ),
)

ALL = (*ENDS, *SPEED, *MEMORY, *GPU)

"""What is known of one kind of server."""

from __future__ import annotations

from typing import NamedTuple

from runvitals.catalogue.signals import Signal, gpu, server
from runvitals.sources.prometheus.reading import Reading

SERVER_SIGNALS = tuple(
    value for value in vars(server).values() if isinstance(value, Signal) and value is not server.SERVER_UP
)
GPU_SIGNALS = tuple(value for value in vars(gpu).values() if isinstance(value, Signal))


class Engine(NamedTuple):
    """A server's metrics as data.

    It shows them at `path` unless it is told otherwise. `marks` is a regular expression for the beginning of names that
    no other server has. `readings` name metrics without any of the `prefixes`, but for those in `unprefixed`. The first
    of `model_labels` that a series has names its model; a series whose label is not as `only` says is passed over.
    `gpu_label` is the GPU, `instance_label` the instance of a divided one. Where the server itself refreshes its
    numbers, rates are over at least `refresh_seconds`. `expected` are the signals whose absence is worth telling.
    `has_blanks`: numbers that stand for "no value" (see `plausible`).
    """

    name: str
    marks: str
    prefixes: tuple[str, ...]
    readings: tuple[Reading, ...]
    model_labels: tuple[str, ...] = ()
    unprefixed: frozenset[str] = frozenset()
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    gpu_label: str = ""
    instance_label: str = ""
    refresh_seconds: float = 0.0
    has_blanks: bool = False
    path: str = "/metrics"
    expected: tuple[Signal, ...] = SERVER_SIGNALS

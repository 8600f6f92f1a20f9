"""What a training loop in JAX holds: a run that takes arrays before they are computed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

import jax
import numpy

from runvitals.client.advice import Advice
from runvitals.client.run import Run
from runvitals.client.watch import watch as watch_run
from runvitals.training.off_switch import OffSwitch, guarded

MAX_WAITING = 64
"""Calls whose arrays are not computed yet; of a device that is further behind the newest are dropped, and counted."""
CLOSING_SECONDS = 1.0
"""How long `close`, which is no step, waits for the last arrays."""


class _Logged(NamedTuple):
    """A call of `log`: its values by signal and layer, and the host's time."""

    step: Any
    values: dict[tuple[str, str], Any]
    at: float


class JaxRun(OffSwitch):
    """One rank of a run. Made by `watch`; a context manager that closes it.

    As of `runvitals.Run`, no method raises, waits, or changes what is computed. Arrays are recorded in a later call,
    once they are computed and have arrived: mostly one step late, under the step in which they were logged.
    """

    name = "what records the run"

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run: Run = run
        self._waiting: deque[_Logged] = deque()
        self._last: tuple[int, float] | None = None

    @guarded
    def log(self, values: Mapping[str, Any] | None = None, /, *, step: Any, **scalars: Any) -> None:
        """Record scalars of a step, by keyword, as a mapping, or both; arrays of one element may be on a device.

        A mapping in the place of a scalar holds one for each layer, under "" the one of everything, as `norms` returns
        it. The step may be an array as well. Seconds per step are taken from call to call, as `step_seconds`.
        """
        self._deliver()
        logged = _Logged(step, dict(_by_layer({**(values or {}), **scalars})), time.perf_counter())
        if len(self._waiting) >= MAX_WAITING:
            self._drop(logged)
            return
        for array in _arrays(logged):
            _send(array)
        self._waiting.append(logged)

    @guarded
    def interrupt(self) -> None:
        """Leave the time since the last step out of what is told of the next: after an evaluation, for instance."""
        self._waiting.append(_Logged(None, {}, time.perf_counter()))

    def mark(self, kind: str, text: str = "", *, step: int | None = None) -> None:
        """Record an event, as `Run.mark` does."""
        self._run.mark(kind, text, step=step)

    def advice(self) -> tuple[Advice, ...]:
        """Return what is open on this run and rank, as `Run.advice` does."""
        return self._run.advice()

    def close(self) -> None:
        """Record what is computed by now or within a second, and say that the run has finished."""
        self._finish()
        self._run.close()

    def __enter__(self) -> JaxRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish()
        self._run.__exit__(kind, error, traceback)

    @guarded
    def _finish(self) -> None:
        until = time.monotonic() + CLOSING_SECONDS
        self._deliver()
        while self._waiting and time.monotonic() < until:
            time.sleep(0.005)
            self._deliver()
        while self._waiting:
            self._drop(self._waiting.popleft())

    def _drop(self, logged: _Logged) -> None:
        self._run.count_skipped("device_behind", len(logged.values))

    def _deliver(self) -> None:
        while self._waiting and all(_is_there(array) for array in _arrays(self._waiting[0])):
            self._record(self._waiting.popleft())

    def _record(self, logged: _Logged) -> None:
        if logged.step is None:
            self._last = None
            return
        step = int(_number(logged.step))
        self._run.log(self._seconds_per_step(step, logged.at), step=step)
        layers: dict[str, dict[str, Any]] = {}
        for (signal, layer), value in logged.values.items():
            layers.setdefault(layer, {})[signal] = _number(value)
        for layer, found in layers.items():
            self._run.log(found, step=step, layer=layer)

    def _seconds_per_step(self, step: int, at: float) -> dict[str, float]:
        last, self._last = self._last, (step, at)
        if last is None or step <= last[0]:
            return {}
        return {"step_seconds": (at - last[1]) / (step - last[0])}


def watch(run: str, *, rank: int | str | None = None, world_size: int | None = None) -> JaxRun:
    """Begin to record a run. Rank and world size are those of `jax.distributed` where it is initialised.

    Otherwise as `runvitals.watch`; never raises.
    """
    if rank is None and getattr(jax.distributed, "is_initialized", bool)():
        rank, world_size = jax.process_index(), jax.process_count()
    return JaxRun(watch_run(run, rank=rank, world_size=world_size))


def _by_layer(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    for signal, value in values.items():
        if isinstance(value, Mapping):
            yield from (((signal, str(layer)), one) for layer, one in value.items())
        else:
            yield (signal, ""), value


def _arrays(logged: _Logged) -> Iterator[Any]:
    return (value for value in (logged.step, *logged.values.values()) if _is_array(value))


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array) or hasattr(value, "copy_to_host_async")


def _send(array: Any) -> None:
    if isinstance(array, jax.core.Tracer):
        raise TypeError("log() was called in a function that JAX traces; return the values from it, and log those")
    array.copy_to_host_async()


def _is_there(array: Any) -> bool:
    return bool(array.is_deleted() or array.is_ready())


def _number(value: Any) -> Any:
    """Return a float of what has one element; anything else is for the client to count."""
    if _is_array(value):
        if value.is_deleted() or not (value.is_fully_addressable or value.is_fully_replicated):
            return None
        value = numpy.asarray(value if value.is_fully_addressable else value.addressable_data(0))
    return float(value) if getattr(value, "shape", None) == () else value

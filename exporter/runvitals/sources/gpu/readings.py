"""What one GPU tells of itself, in base units. NVML's marks for "no value" are outside of what can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pynvml

from runvitals.catalogue import signals
from runvitals.catalogue.signals import Signal
from runvitals.sources.gpu.library import Gpu, Handle, Library
from runvitals.sources.gpu.reasons import Reason

_SLOWED = (
    pynvml.nvmlClocksThrottleReasonHwSlowdown
    | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    | pynvml.nvmlClocksThrottleReasonSwThermalSlowdown
    | pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
)
"""Heat, or the brake of the power supply. The software's power cap is ordinary under full load, and not among them."""

_MAX_LINKS = 18
"""NVLinks of a GPU (NVML_NVLINK_MAX_LINKS)."""


class Quantity(NamedTuple):
    """A signal, how to ask for it, what to multiply the answer with, and the largest answer that can be true."""

    signal: Signal
    ask: Callable[[Handle], Any]
    factor: float
    largest: float


_LARGEST_COUNT = 2.0**53

QUANTITIES = (
    Quantity(signals.GPU_UTILIZATION, lambda gpu: pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu, 0.01, 1.0),
    Quantity(
        signals.GPU_TEMPERATURE,
        lambda gpu: pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),
        1.0,
        200.0,
    ),
    Quantity(signals.GPU_POWER, pynvml.nvmlDeviceGetPowerUsage, 1e-3, 1e5),
    Quantity(signals.GPU_POWER_LIMIT, pynvml.nvmlDeviceGetEnforcedPowerLimit, 1e-3, 1e5),
    Quantity(signals.GPU_CLOCK, lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM), 1e6, 1e11),
    Quantity(
        signals.GPU_THROTTLED,
        lambda gpu: bool(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu) & _SLOWED),
        1.0,
        1.0,
    ),
    Quantity(signals.GPU_CORRECTED_ECC_ERRORS, lambda gpu: _ecc(gpu, corrected=True), 1.0, _LARGEST_COUNT),
    Quantity(signals.GPU_UNCORRECTED_ECC_ERRORS, lambda gpu: _ecc(gpu, corrected=False), 1.0, _LARGEST_COUNT),
    Quantity(signals.GPU_ROW_REMAP_FAILURES, lambda gpu: pynvml.nvmlDeviceGetRemappedRows(gpu)[3], 1.0, 1.0),
    Quantity(signals.GPU_PROCESSES, lambda gpu: len(processes(gpu)), 1.0, 1e6),
    Quantity(signals.GPU_PCIE_RECEIVE, lambda gpu: _pcie(gpu, pynvml.NVML_PCIE_UTIL_RX_BYTES), 1024.0, 1e12),
    Quantity(signals.GPU_PCIE_TRANSMIT, lambda gpu: _pcie(gpu, pynvml.NVML_PCIE_UTIL_TX_BYTES), 1024.0, 1e12),
)


def read(library: Library, gpu: Gpu, rejected: Counter[Reason]) -> Iterator[tuple[Signal, float]]:
    """Yield what the GPU tells; of an instance of a divided GPU only its memory. Raises OSError, GpuLostError."""
    yield from _memory(library, gpu, rejected)
    if gpu.is_instance:
        return
    for quantity in QUANTITIES:
        answer = library.ask(partial(quantity.ask, gpu.handle), rejected)
        if answer is not None:
            yield from _plausible(quantity.signal, answer * quantity.factor, quantity.largest, rejected)
    yield from _link_errors(library, gpu, rejected)


def processes(handle: Handle) -> list[int]:
    """Return the pids of the processes that compute on the GPU, as the driver's namespace knows them."""
    return [int(process.pid) for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]


def _memory(library: Library, gpu: Gpu, rejected: Counter[Reason]) -> Iterator[tuple[Signal, float]]:
    memory = library.ask(lambda: pynvml.nvmlDeviceGetMemoryInfo(gpu.handle), rejected)
    if memory is None:
        return
    if not 0 <= memory.used <= memory.total < _LARGEST_COUNT or not memory.total:
        rejected[Reason.IMPLAUSIBLE] += 1
        return
    yield signals.GPU_MEMORY_USED, float(memory.used)
    yield signals.GPU_MEMORY_UTILIZATION, memory.used / memory.total


def _link_errors(library: Library, gpu: Gpu, rejected: Counter[Reason]) -> Iterator[tuple[Signal, float]]:
    """Yield the errors of all links that are up; nothing where there is no link."""
    counts = []
    for link in range(_MAX_LINKS):
        state = library.ask(partial(pynvml.nvmlDeviceGetNvLinkState, gpu.handle, link), rejected)
        if state is None:
            break
        if state == pynvml.NVML_FEATURE_ENABLED:
            counts += [
                _link_count(library, gpu, link, counter, rejected) for counter in range(pynvml.NVML_NVLINK_ERROR_COUNT)
            ]
    known = [count for count in counts if count is not None]
    if known:
        yield from _plausible(signals.GPU_NVLINK_ERRORS, float(sum(known)), _LARGEST_COUNT, rejected)


def _link_count(library: Library, gpu: Gpu, link: int, counter: int, rejected: Counter[Reason]) -> int | None:
    return library.ask(partial(pynvml.nvmlDeviceGetNvLinkErrorCounter, gpu.handle, link, counter), rejected)


def _ecc(handle: Handle, *, corrected: bool) -> int:
    kind = pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED if corrected else pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    return int(pynvml.nvmlDeviceGetTotalEccErrors(handle, kind, pynvml.NVML_VOLATILE_ECC))


def _pcie(handle: Handle, direction: int) -> int:
    """Return what went over PCIe in KiB per second, measured over the 20 ms that the call takes."""
    return int(pynvml.nvmlDeviceGetPcieThroughput(handle, direction))


def _plausible(
    signal: Signal, value: float, largest: float, rejected: Counter[Reason]
) -> Iterator[tuple[Signal, float]]:
    if 0.0 <= value <= largest:
        yield signal, value
    else:
        rejected[Reason.IMPLAUSIBLE] += 1

"""The NVML library: opened, asked one question at a time, and closed when the driver goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

import pynvml

from runvitals.sources.gpu.reasons import Reason

Answer = TypeVar("Answer")
Handle = Any  # an opaque pointer of the library

_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)
_ABSENT = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_INVALID_ARGUMENT,  # a link or a clock that this GPU does not have
        pynvml.NVML_ERROR_NO_DATA,
    }
)
_LOST = frozenset({pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED})

_REMEDIES = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no libnvidia-ml.so.1; install the driver, or give the container the GPUs",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is not loaded",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "library and driver are of different versions; restart after the update",
    pynvml.NVML_ERROR_NO_PERMISSION: "no permission; the user needs access to /dev/nvidiactl",
}


class Gpu(NamedTuple):
    """A GPU, or an instance of a divided one (MIG); `name` is its layer, `gpu0` or `gpu0/mig1`."""

    name: str
    handle: Handle
    is_instance: bool = False


class GpuLostError(Exception):
    """The GPU has fallen off the bus, or needs a reset."""


class Library:
    """An open NVML. Raises OSError where there is none, or the driver goes away; it must be closed then."""

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise OSError(_sentence(error)) from None

    def close(self) -> None:
        """Give the library back; it may be gone already."""
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()

    def gpus(self, rejected: Counter[Reason]) -> list[Gpu]:
        """Return the GPUs that can be reached, each followed by its instances."""
        found: list[Gpu] = []
        for index in range(self._count()):
            name = f"gpu{index}"
            handle = self._handle(partial(pynvml.nvmlDeviceGetHandleByIndex, index), rejected)
            if handle is not None:
                found += [Gpu(name, handle), *self._instances(name, handle, rejected)]
        return found

    def ask(self, question: Callable[[], Answer], rejected: Counter[Reason]) -> Answer | None:
        """Return the answer to one question; None where the GPU has none. Raises OSError, GpuLostError."""
        try:
            return question()
        except pynvml.NVMLError as error:
            if error.value in _GONE:
                raise OSError(_sentence(error)) from None
            if error.value in _LOST:
                raise GpuLostError(str(error)) from None
            if error.value not in _ABSENT:
                denied = error.value == pynvml.NVML_ERROR_NO_PERMISSION
                rejected[Reason.NO_PERMISSION if denied else Reason.UNREADABLE] += 1
            return None

    def _count(self) -> int:
        try:
            return int(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError as error:
            raise OSError(_sentence(error)) from None

    def _handle(self, question: Callable[[], Handle], rejected: Counter[Reason]) -> Handle | None:
        try:
            return self.ask(question, rejected)
        except GpuLostError:
            rejected[Reason.GPU_LOST] += 1
            return None

    def _instances(self, name: str, handle: Handle, rejected: Counter[Reason]) -> list[Gpu]:
        mode = self._handle(lambda: pynvml.nvmlDeviceGetMigMode(handle), rejected)
        if not mode or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        count = self._handle(lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(handle), rejected) or 0
        found = []
        for index in range(count):
            instance = self._handle(partial(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index), rejected)
            if instance is not None:
                found.append(Gpu(f"{name}/mig{index}", instance, is_instance=True))
        return found


def _sentence(error: pynvml.NVMLError) -> str:
    return f"NVML: {_REMEDIES.get(error.value, str(error))}"

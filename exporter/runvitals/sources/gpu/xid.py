"""The driver's error messages (XID), heard as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

import pynvml

from runvitals.sources.gpu.library import Gpu, GpuLostError, Library
from runvitals.sources.gpu.reasons import Reason

_MAX_AT_ONCE = 256


class XidListener:
    """Hears the XIDs of GPUs that support it, from when it is made on."""

    def __init__(self, library: Library, gpus: Iterable[Gpu], rejected: Counter[Reason]) -> None:
        self._library = library
        self._events = library.ask(pynvml.nvmlEventSetCreate, rejected)
        self._names: dict[str, str] = {}
        for gpu in gpus:
            if self._events is not None and not gpu.is_instance:
                self._listen(gpu, rejected)

    def heard(self, rejected: Counter[Reason]) -> Iterator[tuple[str, int]]:
        """Yield the GPU's name and the XID of each message since the last call."""
        for _ in range(_MAX_AT_ONCE if self._names else 0):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
            except pynvml.NVMLError as error:
                if error.value != pynvml.NVML_ERROR_TIMEOUT:
                    rejected[Reason.UNREADABLE] += 1
                return
            if event.eventType == pynvml.nvmlEventTypeXidCriticalError:
                yield self._names.get(self._identity(event.device, rejected), "gpu"), int(event.eventData)

    def close(self) -> None:
        """Stop listening."""
        if self._events is not None:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlEventSetFree(self._events)

    def _listen(self, gpu: Gpu, rejected: Counter[Reason]) -> None:
        xid = pynvml.nvmlEventTypeXidCriticalError
        try:
            supported = self._library.ask(lambda: pynvml.nvmlDeviceGetSupportedEventTypes(gpu.handle), rejected) or 0
            if supported & xid:
                self._library.ask(lambda: pynvml.nvmlDeviceRegisterEvents(gpu.handle, xid, self._events), rejected)
                self._names[self._identity(gpu.handle, rejected)] = gpu.name
        except GpuLostError:
            rejected[Reason.GPU_LOST] += 1

    def _identity(self, handle: object, rejected: Counter[Reason]) -> str:
        """Return the UUID: an event's handle is another pointer to the same GPU."""
        try:
            return str(self._library.ask(lambda: pynvml.nvmlDeviceGetUUID(handle), rejected))
        except GpuLostError:
            return ""

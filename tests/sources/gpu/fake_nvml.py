"""A fake of the NVML library at its C border: the functions that its Python bindings call, with their C arguments."""

from __future__ import annotations

import ctypes

import pynvml

GIB = 2**30
NOT_AVAILABLE = 2**64 - 1


class FakeGpu:
    """What one GPU would answer; an answer that is an int below 0 is an error code, negated."""

    def __init__(self, index, **answers):
        self.uuid = f"GPU-{index:08d}"
        self.answers = {
            "utilization": 87,
            "memory": (60 * GIB, 80 * GIB),
            "temperature": 64,
            "power": 512_000,
            "power_limit": 700_000,
            "clock": 1755,
            "reasons": 0,
            "corrected": 2,
            "uncorrected": 0,
            "remap_failure": 0,
            "pids": [],
            "pcie": 2048,
            "links": 0,
            "mig": [],
            **answers,
        }


class FakeNvml:
    """Stands where the loaded shared library would: attributes are the C functions."""

    def __init__(self, *gpus):
        self.gpus = list(gpus)
        self.error = 0
        self.is_open = False
        self.xids = []
        self.listening = set()

    def __getattr__(self, name):
        raise AttributeError(name)  # the bindings take it for a driver that is too old

    def nvmlInitWithFlags(self, flags):
        self.is_open = not self.error
        return self.error

    def nvmlShutdown(self):
        was_open, self.is_open = self.is_open, False
        return 0 if was_open else pynvml.NVML_ERROR_UNINITIALIZED

    def nvmlErrorString(self, code):
        return f"error {code}".encode()

    def nvmlDeviceGetCount_v2(self, count):
        if self.error or not self.is_open:
            return self.error or pynvml.NVML_ERROR_UNINITIALIZED
        count._obj.value = len(self.gpus)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        handle._obj.contents = _struct(index.value)
        return 0

    def nvmlDeviceGetMigMode(self, handle, current, pending):
        current._obj.value = pending._obj.value = int(bool(self._gpu(handle).answers["mig"]))
        return 0

    def nvmlDeviceGetMaxMigDeviceCount(self, handle, count):
        count._obj.value = 7
        return 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, index, instance):
        instances = self._gpu(handle).answers["mig"]
        if index.value >= len(instances):
            return pynvml.NVML_ERROR_NOT_FOUND
        instance._obj.contents = _struct(1000 + index.value)
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle, memory):
        number = _number(handle)
        if number >= 1000:
            used, total = self.gpus[0].answers["mig"][number - 1000]
        else:
            answer = self._gpu(handle).answers["memory"]
            if isinstance(answer, int):
                return -answer
            used, total = answer
        memory._obj.used, memory._obj.total = used, total
        return 0

    def nvmlDeviceGetUtilizationRates(self, handle, rates):
        answer = self._gpu(handle).answers["utilization"]
        if answer < 0:
            return -answer
        rates._obj.gpu = answer
        return 0

    def nvmlDeviceGetTemperature(self, handle, sensor, value):
        return self._give(handle, "temperature", value)

    def nvmlDeviceGetPowerUsage(self, handle, value):
        return self._give(handle, "power", value)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle, value):
        return self._give(handle, "power_limit", value)

    def nvmlDeviceGetClockInfo(self, handle, kind, value):
        return self._give(handle, "clock", value)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle, value):
        return self._give(handle, "reasons", value)

    def nvmlDeviceGetTotalEccErrors(self, handle, kind, counter, value):
        name = "corrected" if kind.value == pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED else "uncorrected"
        return self._give(handle, name, value)

    def nvmlDeviceGetRemappedRows(self, handle, corrected, uncorrected, pending, failed):
        return self._give(handle, "remap_failure", failed)

    def nvmlDeviceGetPcieThroughput(self, handle, direction, value):
        return self._give(handle, "pcie", value)

    def nvmlDeviceGetComputeRunningProcesses_v3(self, handle, count, processes):
        if _number(handle) >= 1000:
            return pynvml.NVML_ERROR_NOT_SUPPORTED
        pids = self._gpu(handle).answers["pids"]
        if pids and processes is None:
            count._obj.value = len(pids)
            return pynvml.NVML_ERROR_INSUFFICIENT_SIZE
        for place, pid in enumerate(pids):
            processes[place].pid = pid
        count._obj.value = len(pids)
        return 0

    def nvmlDeviceGetNvLinkState(self, handle, link, state):
        if link >= self._gpu(handle).answers["links"]:
            return pynvml.NVML_ERROR_NOT_SUPPORTED if not link else pynvml.NVML_ERROR_INVALID_ARGUMENT
        state._obj.value = pynvml.NVML_FEATURE_ENABLED
        return 0

    def nvmlDeviceGetNvLinkErrorCounter(self, handle, link, counter, value):
        value._obj.value = link + 1
        return 0

    def nvmlEventSetCreate(self, events):
        return 0

    def nvmlEventSetFree(self, events):
        return 0

    def nvmlDeviceGetSupportedEventTypes(self, handle, types):
        types._obj.value = pynvml.nvmlEventTypeXidCriticalError
        return 0

    def nvmlDeviceRegisterEvents(self, handle, types, events):
        self.listening.add(_number(handle))
        return 0

    def nvmlEventSetWait_v2(self, events, data, milliseconds):
        if not self.xids:
            return pynvml.NVML_ERROR_TIMEOUT
        number, data._obj.eventData = self.xids.pop(0)
        data._obj.device.contents = _struct(number)
        data._obj.eventType = pynvml.nvmlEventTypeXidCriticalError
        return 0

    def nvmlDeviceGetUUID(self, handle, text, length):
        text.value = self._gpu(handle).uuid.encode()
        return 0

    def _gpu(self, handle):
        return self.gpus[_number(handle)]

    def _give(self, handle, name, value):
        answer = self._gpu(handle).answers[name]
        if answer < 0:
            return -answer
        value._obj.value = answer
        return 0


_STRUCTS = {}


def _struct(number):
    """Return the opaque structure that a handle points to; it is known again by its address."""
    return _STRUCTS.setdefault(number, pynvml.struct_c_nvmlDevice_t())


def _number(handle):
    addresses = {ctypes.addressof(struct): number for number, struct in _STRUCTS.items()}
    return addresses[ctypes.addressof(handle.contents)]

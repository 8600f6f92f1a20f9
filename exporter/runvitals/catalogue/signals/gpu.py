"""What a GPU tells. Its layer is the GPU: `gpu0`, or `gpu0/mig1` for an instance of a divided one."""

from __future__ import annotations

from runvitals.catalogue.signals.signal import Signal

GPU_UTILIZATION = Signal(
    "gpu_utilization_ratio",
    "1",
    "share of the time in which a kernel ran, 0 to 1",
    bad_side="low",
)
GPU_MEMORY_USED = Signal("gpu_memory_used_bytes", "bytes", "memory of the GPU in use", bad_side="high")
GPU_MEMORY_UTILIZATION = Signal(
    "gpu_memory_utilization_ratio", "1", "share of the GPU's memory that is in use, 0 to 1", bad_side="high"
)
GPU_TEMPERATURE = Signal("gpu_temperature_celsius", "degrees Celsius", "temperature of the GPU", bad_side="high")
GPU_MEMORY_TEMPERATURE = Signal(
    "gpu_memory_temperature_celsius", "degrees Celsius", "temperature of the GPU's memory", bad_side="high"
)
GPU_TENSOR_ACTIVE = Signal(
    "gpu_tensor_active_ratio", "1", "share of the cycles in which the tensor cores worked, 0 to 1", bad_side="low"
)
GPU_POWER = Signal("gpu_power_watts", "watts", "power the GPU draws")
GPU_POWER_LIMIT = Signal("gpu_power_limit_watts", "watts", "power the GPU may draw")
GPU_CLOCK = Signal("gpu_clock_hertz", "hertz", "clock of the streaming multiprocessors", bad_side="low")
GPU_THROTTLED = Signal(
    "gpu_throttled_ratio", "1", "share of the time in which heat or power slowed the GPU down, 0 to 1", bad_side="high"
)
GPU_UNCORRECTED_ECC_ERRORS = Signal(
    "gpu_uncorrected_ecc_errors_total",
    "1",
    "memory errors that could not be corrected, since the driver was loaded",
    bad_side="high",
)
GPU_CORRECTED_ECC_ERRORS = Signal(
    "gpu_corrected_ecc_errors_total",
    "1",
    "memory errors that were corrected, since the driver was loaded",
    bad_side="high",
)
GPU_ROW_REMAP_FAILURES = Signal(
    "gpu_row_remap_failures_total", "1", "rows of memory that could not be replaced by spare ones", bad_side="high"
)
GPU_XID = Signal("gpu_xid", "1", "number of the driver's newest error message (XID); 0 for none")
GPU_PCIE_RECEIVE = Signal("gpu_pcie_receive_bytes_per_second", "bytes per second", "received over PCIe")
GPU_PCIE_TRANSMIT = Signal("gpu_pcie_transmit_bytes_per_second", "bytes per second", "sent over PCIe")
GPU_NVLINK_ERRORS = Signal(
    "gpu_nvlink_errors_total", "1", "errors on NVLink: replays, recoveries and CRC", bad_side="high"
)
GPU_PROCESSES = Signal("gpu_processes", "1", "processes that use the GPU")

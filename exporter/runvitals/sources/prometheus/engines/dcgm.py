"""NVIDIA's DCGM exporter: https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/default-counters.csv.

Clocks are in MHz, memory in MiB, utilisation in per cent, but for the profiling fields, which are shares. Fields that a
GPU does not have come as numbers near 2^63, which are no values. The XID stays after recovery.
"""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.sources.prometheus.engines.engine import GPU_SIGNALS, Engine
from runvitals.sources.prometheus.reading import Level, Share
from runvitals.sources.prometheus.term import Term

_MIB = 1024.0**2
_USED = Term("DEV_FB_USED", factor=_MIB)
_FREE = Term("DEV_FB_FREE", factor=_MIB)
_SLOWED = 0x8 | 0x20 | 0x40 | 0x80
"""Bits of the throttle reasons: hardware slowdown, software and hardware thermal slowdown, power brake."""

DCGM = Engine(
    name="dcgm",
    marks=r"DCGM_FI_",
    prefixes=("DCGM_FI_",),
    readings=(
        Level(signals.GPU_UTILIZATION, (Term("DEV_GPU_UTIL", factor=0.01),)),
        Level(signals.GPU_UTILIZATION, (Term("PROF_GR_ENGINE_ACTIVE"),)),
        Level(signals.GPU_TENSOR_ACTIVE, (Term("PROF_PIPE_TENSOR_ACTIVE"),)),
        Level(signals.GPU_MEMORY_USED, (_USED,)),
        Share(signals.GPU_MEMORY_UTILIZATION, (_USED,), (_USED, _FREE)),
        Level(signals.GPU_TEMPERATURE, (Term("DEV_GPU_TEMP"),)),
        Level(signals.GPU_MEMORY_TEMPERATURE, (Term("DEV_MEMORY_TEMP"),)),
        Level(signals.GPU_POWER, (Term("DEV_POWER_USAGE"),)),
        Level(signals.GPU_POWER_LIMIT, (Term("DEV_POWER_MGMT_LIMIT"),)),
        Level(signals.GPU_CLOCK, (Term("DEV_SM_CLOCK", factor=1e6),)),
        Level(signals.GPU_THROTTLED, (Term("DEV_CLOCK_THROTTLE_REASONS", mask=_SLOWED),)),
        Level(signals.GPU_THROTTLED, (Term("DEV_CLOCKS_EVENT_REASONS", mask=_SLOWED),)),
        Level(signals.GPU_CORRECTED_ECC_ERRORS, (Term("DEV_ECC_SBE_VOL_TOTAL"),)),
        Level(signals.GPU_UNCORRECTED_ECC_ERRORS, (Term("DEV_ECC_DBE_VOL_TOTAL"),)),
        Level(signals.GPU_ROW_REMAP_FAILURES, (Term("DEV_ROW_REMAP_FAILURE"),)),
        Level(signals.GPU_XID, (Term("DEV_XID_ERRORS"),)),
        Level(signals.GPU_PCIE_RECEIVE, (Term("PROF_PCIE_RX_BYTES"),)),
        Level(signals.GPU_PCIE_TRANSMIT, (Term("PROF_PCIE_TX_BYTES"),)),
        Level(
            signals.GPU_NVLINK_ERRORS,
            (
                Term("DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"),
                Term("DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL"),
                Term("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"),
                Term("DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"),
            ),
        ),
    ),
    gpu_label="gpu",
    instance_label="GPU_I_ID",
    has_blanks=True,
    expected=GPU_SIGNALS,
)

"""GPUs of a run: broken first, then held back, then idle."""

from __future__ import annotations

from grafana.build import incidents, variables
from grafana.build.dashboard import annotation
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, Line, Row, graphs
from grafana.build.links import Boards
from grafana.build.panels import Json
from grafana.build.queries import LAYERS, RANKS, select
from grafana.build.signal_panels import together
from runvitals.catalogue import faults, signals
from runvitals.catalogue.signals import Signal

_RUN = 'run="$run"'
_OF_GPUS = (faults.GPU_FAULT, faults.LOW_UTILISATION, faults.MEMORY_LEAK, faults.MEMORY_PRESSURE)


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [
        variables.datasource(),
        variables.cluster(),
        variables.job(),
        variables.run(signals.GPU_MEMORY_USED),
        variables.ranks(),
    ]
    rows = [
        Row("Broken", [Line(GRAPH, [_timeline()]), *graphs([_of_gpus(*shown) for shown in _BROKEN])]),
        Row("Held back", graphs([_of_gpus(*shown) for shown in _HELD_BACK])),
        Row("Used", graphs([_of_gpus(*shown) for shown in _USED])),
    ]
    expr = f"max by (fault, category, severity) ({select(incidents.OPEN, _RUN, _faults())}) > 0"
    marks = annotation("Incidents", expr, "{{fault}}", "{{severity}}: open on at least one rank")
    description = (
        "The GPUs on which a run computes; those that no run uses belong to the run gpu. Of many GPUs, the worst."
    )
    return around(Boards.GPU, description, chosen, rows, [marks])


_BROKEN: tuple[tuple[str, tuple[Signal, ...]], ...] = (
    ("Newest error of the driver (XID)", (signals.GPU_XID,)),
    ("Memory errors, uncorrected", (signals.GPU_UNCORRECTED_ECC_ERRORS,)),
    ("Rows that could not be replaced", (signals.GPU_ROW_REMAP_FAILURES,)),
    ("Memory errors, corrected", (signals.GPU_CORRECTED_ECC_ERRORS,)),
    ("Errors on NVLink", (signals.GPU_NVLINK_ERRORS,)),
    ("Processes on a GPU", (signals.GPU_PROCESSES,)),
)
_HELD_BACK: tuple[tuple[str, tuple[Signal, ...]], ...] = (
    ("Slowed down by heat or power", (signals.GPU_THROTTLED,)),
    ("Clock", (signals.GPU_CLOCK,)),
    ("Temperature", (signals.GPU_TEMPERATURE,)),
    ("Temperature of the memory", (signals.GPU_MEMORY_TEMPERATURE,)),
    ("Power", (signals.GPU_POWER,)),
    ("Power limit", (signals.GPU_POWER_LIMIT,)),
)
_USED: tuple[tuple[str, tuple[Signal, ...]], ...] = (
    ("Least used GPUs", (signals.GPU_UTILIZATION,)),
    ("Least used tensor cores", (signals.GPU_TENSOR_ACTIVE,)),
    ("Memory in use, share", (signals.GPU_MEMORY_UTILIZATION,)),
    ("Memory in use", (signals.GPU_MEMORY_USED,)),
    ("PCIe, received", (signals.GPU_PCIE_RECEIVE,)),
    ("PCIe, sent", (signals.GPU_PCIE_TRANSMIT,)),
)


def _of_gpus(title: str, shown: tuple[Signal, ...]) -> Json:
    return together(title, shown, RANKS, by="rank, layer", layer=LAYERS)


def _timeline() -> Json:
    return incidents.timeline(
        "Faults of GPUs over time",
        "What has been open on any rank in this time, by severity. No line: not open once in this time.",
        incidents.worst_severity(incidents.OPEN, "fault", _RUN, _faults()),
        ["fault"],
        "closed",
        Boards.RANK,
    )


def _faults() -> str:
    return f'fault=~"{"|".join(fault.name for fault in _OF_GPUS)}"'

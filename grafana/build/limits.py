"""The lines on panels: defaults of the catalogue, where they are levels of the very thing that a panel shows."""

from __future__ import annotations

from typing import NamedTuple

from runvitals.anomaly.settings import AnomalySettings
from runvitals.catalogue import faults, signals
from runvitals.catalogue.faults import Fault
from runvitals.catalogue.signals import Signal


class Limit(NamedTuple):
    """A level that something should stay below (`is_floor`: above), and what it is the default of."""

    value: float
    words: str
    is_floor: bool = False


def of_fault(fault: Fault, name: str, is_floor: bool = False) -> Limit:
    """Return a threshold of a fault as a line."""
    threshold = fault.thresholds[name]
    words = f"The line is the default of {fault.name}.{name}: {threshold.meaning}. A config may say otherwise."
    return Limit(threshold.value, words, is_floor)


OUTLIER = Limit(
    AnomalySettings().outlier,
    "The line is the default of series.anomaly.outlier: robust deviations from where an outlier alerts.",
)

_BY_SIGNAL = {
    signals.INPUT_MEAN.name: of_fault(faults.INPUT_UNSCALED, "size"),
    signals.INPUT_STDDEV.name: of_fault(faults.INPUT_UNSCALED, "size"),
    signals.UPDATE_RATIO.name: of_fault(faults.UPDATE_TOO_LARGE, "ratio"),
    signals.LEARNING_RATE.name: of_fault(faults.LEARNING_RATE_OUT_OF_BAND, "high"),
    signals.LOSS_SCALE.name: of_fault(faults.AMP_SCALE_COLLAPSE, "floor", is_floor=True),
    signals.DEAD_UNITS_RATIO.name: of_fault(faults.DEAD_UNITS, "units_ratio"),
    signals.ZERO_GRADIENT_RATIO.name: of_fault(faults.DEAD_UNITS, "gradient_ratio"),
    signals.SATURATED_ACTIVATIONS_RATIO.name: of_fault(faults.SATURATED_ACTIVATIONS, "ratio"),
    signals.GPU_UTILIZATION.name: of_fault(faults.LOW_UTILISATION, "p95", is_floor=True),
    signals.MEMORY_UTILIZATION.name: of_fault(faults.MEMORY_PRESSURE, "share"),
    signals.GPU_MEMORY_UTILIZATION.name: of_fault(faults.MEMORY_PRESSURE, "gpu_share"),
    signals.GPU_THROTTLED.name: of_fault(faults.GPU_FAULT, "throttled"),
    signals.GPU_TEMPERATURE.name: of_fault(faults.GPU_FAULT, "celsius"),
    signals.REQUESTS_WAITING.name: of_fault(faults.QUEUE_GROWTH, "minimum_requests"),
    signals.ERROR_RATIO.name: of_fault(faults.ERROR_RATE, "share"),
    signals.KV_CACHE_UTILIZATION.name: of_fault(faults.SATURATION, "share"),
    signals.BATCH_UTILIZATION.name: of_fault(faults.SATURATION, "share"),
}


def of_signal(signal: Signal) -> Limit | None:
    """Return the line of a signal; None where its faults compare it with its own past instead."""
    return _BY_SIGNAL.get(signal.name)

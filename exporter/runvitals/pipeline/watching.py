"""Which detectors a rank has, and which of them see what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from runvitals.catalogue import faults, signals
from runvitals.catalogue.faults import Fault
from runvitals.detectors import DETECTORS, AnyDetector, Hang
from runvitals.detectors.loss_progress import FollowsLoss
from runvitals.diagnosis.settings import FaultTable
from runvitals.values import Sample

_Detector = TypeVar("_Detector", AnyDetector, Hang)


def make_detectors(table: FaultTable) -> dict[str, AnyDetector]:
    """Return a new detector for each fault that watches signals. Raises ValueError for impossible thresholds."""
    return _sharing(
        {name: DETECTORS[fault.detector](**_values(fault)) for name, fault in table.faults.items() if fault.signals}
    )


def _sharing(detectors: dict[str, AnyDetector]) -> dict[str, AnyDetector]:
    """Let those that follow the progress of the loss follow it together: all have seen the same."""
    following = [one for one in detectors.values() if isinstance(one, FollowsLoss)]
    for one in following:
        one.progress = following[0].progress
    return detectors


def make_hang(table: FaultTable) -> Hang:
    """Return a new watch over the clock. Raises ValueError for limits that make no sense."""
    return Hang(**_values(table.faults[faults.HANG.name]))


def reconfigured_detectors(detectors: Mapping[str, AnyDetector], table: FaultTable) -> dict[str, AnyDetector]:
    """Return the detectors with the table's thresholds; what they have seen is kept.

    A saved state may be that of another version: a fault that it does not know begins anew.
    """
    return _sharing(
        {
            name: _with_thresholds(detectors.get(name, fresh), fresh, table.faults[name])
            for name, fresh in make_detectors(table).items()
        }
    )


def reconfigured_hang(hang: Hang, table: FaultTable) -> Hang:
    """Return the watch over the clock with the table's limits; what it has seen is kept."""
    return _with_thresholds(hang, make_hang(table), table.faults[faults.HANG.name])


def _with_thresholds(detector: _Detector, fresh: _Detector, fault: Fault) -> _Detector:
    """Return the detector with the thresholds of a fresh one of its kind; the fresh one where the kinds differ."""
    if type(detector) is not type(fresh):
        return fresh
    for name in fault.thresholds:
        setattr(detector, name, getattr(fresh, name))
    return detector


def _values(fault: Fault) -> dict[str, Any]:
    return {name: threshold.value for name, threshold in fault.thresholds.items()}


def _watched(watching: Callable[[Fault], Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return, by what they watch, the names of the faults that have a detector."""
    watched: dict[str, tuple[str, ...]] = {}
    for fault in faults.ALL:
        for one in watching(fault) if fault.scope == "rank" else ():
            watched[one] = (*watched.get(one, ()), fault.name)
    return watched


def _signals(fault: Fault) -> tuple[str, ...]:
    return (*fault.signals, *fault.context)


def _shown(fault: Fault) -> tuple[str, ...]:
    hidden = {signals.LOSS.name} if fault.name in ONLY_FOLLOWING else ()
    return tuple(signal for signal in _signals(fault) if signal not in hidden)


ONLY_FOLLOWING = frozenset({faults.DEAD_UNITS.name, faults.SATURATED_ACTIVATIONS.name, faults.VANISHING_GRADIENT.name})
"""Of a loss these follow its progress alone, which `loss_head_mismatch` follows for all that share it."""

WATCHED = _watched(_shown)
"""The faults that watch a signal of the whole rank, by the signal's name."""

WATCHED_LAYERS = _watched(lambda fault: _shown(fault) if fault.has_layers else ())
"""The faults that watch a signal of single layers, by the signal's name."""


def watching_faults(sample: Sample) -> tuple[str, ...]:
    """Return the names of the faults that watch a sample's signal."""
    return (WATCHED_LAYERS if sample[3] else WATCHED).get(sample[2], ())  # by place: at a third of a name's cost


WATCHED_EVENTS = _watched(lambda fault: fault.events if fault.signals else ())
"""The faults whose detectors read a kind of event, by the kind."""

"""What a user may change about a fault, and the catalogue with those changes applied."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Literal, NamedTuple

from runvitals.catalogue import faults
from runvitals.catalogue.faults import Fault
from runvitals.settings import Settings

MAX_OPEN_WINDOW = 64
"""The verdicts that a hysteresis remembers are the bits of a number, which must fit the state file."""


class FaultSettings(Settings, frozen=True):
    """Overrides for one fault; what is left out keeps the catalogue's default.

    A disabled fault never opens and counts as unknown.
    """

    enabled: bool = True
    severity: Literal["critical", "warning", "info"] | None = None
    thresholds: dict[str, float] = {}
    open_count: int | None = None
    open_window: int | None = None
    close_count: int | None = None


class FaultTable(NamedTuple):
    """The catalogue's faults of rank scope by name, overrides applied, and which of them are switched off."""

    faults: Mapping[str, Fault]
    disabled: frozenset[str] = frozenset()

    def enabled(self, name: str) -> Fault | None:
        """Return the fault of that name; None if it is switched off."""
        return None if name in self.disabled else self.faults[name]


def resolve(overrides: Mapping[str, FaultSettings]) -> FaultTable:
    """Return the catalogue with the overrides applied.

    Raises KeyError for a fault or threshold that the catalogue does not know (its path below `faults` is the
    argument), ValueError for counts that cannot be and for a fault that only Prometheus sees.
    """
    for name in overrides:
        if name not in faults.BY_NAME:
            raise KeyError(name)
        if faults.BY_NAME[name].scope != "rank":
            raise ValueError(
                f"{name} is judged by Prometheus: give its thresholds to `runvitals bundle --values` instead"
            )
    return FaultTable(
        {
            fault.name: _overridden(fault, overrides.get(fault.name, FaultSettings()))
            for fault in faults.ALL
            if fault.scope == "rank"
        },
        frozenset(name for name, override in overrides.items() if not override.enabled),
    )


def _overridden(fault: Fault, override: FaultSettings) -> Fault:
    for name, value in override.thresholds.items():
        if name not in fault.thresholds:
            raise KeyError(f"{fault.name}.thresholds.{name}")
        if not (isfinite(value) and value >= 0.0):
            raise ValueError(f"{fault.name}.thresholds.{name} must be a number from 0, not {value}")
    result = fault._replace(
        severity=override.severity or fault.severity,
        thresholds={
            name: threshold._replace(value=float(override.thresholds.get(name, threshold.value)))
            for name, threshold in fault.thresholds.items()
        },
        open_count=_either(override.open_count, fault.open_count),
        open_window=_either(override.open_window, fault.open_window),
        close_count=_either(override.close_count, fault.close_count),
    )
    if not 1 <= result.open_count <= result.open_window <= MAX_OPEN_WINDOW or result.close_count < 1:
        raise ValueError(
            f"{fault.name}: open_count {result.open_count} must be from 1 to open_window {result.open_window} "
            f"(at most {MAX_OPEN_WINDOW}), and close_count {result.close_count} at least 1"
        )
    return result


def _either(override: int | None, default: int) -> int:
    return default if override is None else override
